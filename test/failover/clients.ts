/** The official SDKs, with no retries of their own: what the gateway lets through, they see. */
import Anthropic, { APIError as AnthropicError } from "@anthropic-ai/sdk";
import OpenAI, { APIError as OpenAIError } from "openai";
import type { Usage } from "./upstream.ts";
import type { Client } from "./faults.ts";

/** What a client got. `error`: what its SDK threw; `told`: as an error of its protocol, and not as a broken connection or broken JSON. */
export type Heard = { readonly text: string; readonly usage: Usage | undefined; readonly requestId: string; readonly route: string; readonly error: string | undefined; readonly told: boolean };

type Ask = { readonly model: string; readonly tag: string; readonly stream: boolean; readonly usageAsked: boolean };

/** Collects what a stream says up to its end or its error. */
class Hearing {
  text = "";
  usage: Usage | undefined;
  requestId = "";
  route = "";
  ended = false;

  head({ headers }: { headers: Headers }): void {
    this.requestId = headers.get("x-request-id") ?? "";
    this.route = headers.get("x-forge-route") ?? "";
  }

  heard(error?: unknown): Heard {
    const { text, usage, requestId, route } = this;
    const told = (error instanceof OpenAIError && (error.status !== undefined || error.error !== undefined)) || (error instanceof AnthropicError && (error.status !== undefined || error.error !== undefined));
    if (error !== undefined && requestId === "" && (error instanceof OpenAIError || error instanceof AnthropicError) && error.headers) this.head({ headers: error.headers });
    const missing = error === undefined && !this.ended ? "The stream ended without its protocol's end." : undefined;
    return { text, usage, requestId: this.requestId || requestId, route: this.route || route, error: missing ?? (error === undefined ? undefined : String(error)), told };
  }
}

export class Clients {
  private readonly openai: OpenAI;
  private readonly anthropic: Anthropic;

  constructor(url: string, secret: string) {
    this.openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: secret, maxRetries: 0 });
    this.anthropic = new Anthropic({ baseURL: url, apiKey: secret, maxRetries: 0 });
  }

  /** Never rejects. */
  async ask(client: Client, ask: Ask): Promise<Heard> {
    const hearing = new Hearing();
    try {
      await (client === "openai" ? this.askOpenAI(ask, hearing) : this.askAnthropic(ask, hearing));
      return hearing.heard();
    } catch (error) {
      return hearing.heard(error ?? "nothing");
    }
  }

  private async askOpenAI({ model, tag, stream, usageAsked }: Ask, hearing: Hearing): Promise<void> {
    const body = { model, messages: [{ role: "user" as const, content: tag }] };
    const take = (usage: OpenAI.CompletionUsage | null | undefined): void => void (usage && (hearing.usage = { inputTokens: usage.prompt_tokens, outputTokens: usage.completion_tokens }));
    if (!stream) {
      const { data, response } = await this.openai.chat.completions.create(body).withResponse();
      hearing.head(response);
      hearing.text = data.choices[0]!.message.content ?? "";
      hearing.ended = data.choices[0]!.finish_reason === "stop";
      return take(data.usage);
    }
    const { data, response } = await this.openai.chat.completions.create({ ...body, stream: true, ...(usageAsked && { stream_options: { include_usage: true } }) }).withResponse();
    hearing.head(response);
    for await (const { choices, usage } of data) {
      hearing.text += choices[0]?.delta.content ?? "";
      hearing.ended ||= choices[0]?.finish_reason === "stop";
      take(usage);
    }
  }

  private async askAnthropic({ model, tag, stream }: Ask, hearing: Hearing): Promise<void> {
    const body = { model, max_tokens: 100, messages: [{ role: "user" as const, content: tag }] };
    if (!stream) {
      const { data, response } = await this.anthropic.messages.create(body).withResponse();
      hearing.head(response);
      hearing.text = data.content.map((block) => (block.type === "text" ? block.text : "")).join("");
      hearing.ended = data.stop_reason === "end_turn";
      hearing.usage = { inputTokens: data.usage.input_tokens, outputTokens: data.usage.output_tokens };
      return;
    }
    const { data, response } = await this.anthropic.messages.create({ ...body, stream: true }).withResponse();
    hearing.head(response);
    let inputTokens = 0;
    for await (const event of data) {
      if (event.type === "message_start") inputTokens = event.message.usage.input_tokens;
      if (event.type === "content_block_delta" && event.delta.type === "text_delta") hearing.text += event.delta.text;
      if (event.type === "message_delta") hearing.usage = { inputTokens: event.usage.input_tokens ?? inputTokens, outputTokens: event.usage.output_tokens };
      hearing.ended ||= event.type === "message_stop";
    }
  }
}
