/** Writes answers as legacy completions: text and nothing else. https://platform.openai.com/docs/api-reference/completions/object */
import type { ChatEvent, ChatResponse, Choice, Loss, Part, TextPart, TokenLogprob, Usage } from "../../chat/index.ts";
import type { GatewayError } from "../../errors.ts";
import { openaiWording, type Head, type Wording } from "../openai-chat/wording.ts";
import type { RenderContext, StreamRenderer } from "../protocol.ts";

type Json = Record<string, unknown>;

/** Tool calls were never asked for here, and their finish has no word. */
const finishOf = (finish: Choice["finish"]): Choice["finish"] => (finish.unified === "tool-calls" ? { ...finish, unified: "stop" } : finish);

/** Tokens in the legacy shape: parallel lists; `offset`: characters before the first token. */
function renderLogprobs(tokens: readonly TokenLogprob[], offset: number): unknown {
  if (tokens.length === 0) return null;
  let at = offset;
  const offsets = tokens.map(({ token }) => {
    const here = at;
    at += token.length;
    return here;
  });
  return {
    tokens: tokens.map(({ token }) => token),
    token_logprobs: tokens.map(({ logprob }) => logprob),
    top_logprobs: tokens.map(({ token, logprob, top = [] }) => Object.fromEntries([[token, logprob], ...top.map((other) => [other.token, other.logprob])])),
    text_offset: offsets,
  };
}

const isText = (part: Part): part is TextPart => part.type === "text";

/** What of a part has no place here; thoughts are no part of a completion. */
function lossesOf(part: Part): Loss[] {
  if (!isText(part)) return part.type === "reasoning" ? [] : ["provider_content"];
  return [...(part.refusal ? (["refusal"] as const) : []), ...(part.citations?.length ? (["citations"] as const) : [])];
}

/** What an answer begins with, where the request wants it. */
const echoOf = ({ request: { echo, turns } }: RenderContext): string => (echo ? turns.flatMap(({ parts }) => parts.filter(isText)).map(({ text }) => text).join("") : "");

const object = "text_completion";
/** Completions say nothing of tiers. */
const untiered = ({ id, model, createdAtS }: Head): Head => ({ id, model, createdAtS });

/** An answer as `text_completion`, as JSON text. */
export function renderResponse(response: ChatResponse, context: RenderContext, wording = openaiWording): { body: string; losses: Loss[] } {
  const losses = new Set(response.choices.flatMap(({ parts }) => parts.flatMap(lossesOf)));
  const echo = echoOf(context);
  const choices = response.choices.map(({ parts, finish }, index) => {
    const texts = parts.filter(isText);
    return {
      index,
      text: echo + texts.map(({ text }) => text).join(""),
      logprobs: renderLogprobs(texts.flatMap(({ logprobs = [] }) => logprobs), 0),
      ...wording.finish(finishOf(finish)),
    };
  });
  const { usage } = response;
  return { body: JSON.stringify({ ...wording.head(object, untiered(response), context), choices, ...(usage && { usage: wording.usage(usage, context) }) }), losses: [...losses] };
}

/** Writes an answer as a stream of `text_completion` objects. */
export class CompletionRenderer implements StreamRenderer {
  private readonly context: RenderContext;
  private readonly written = new Map<number, number>();
  private readonly wording: Wording;
  private told: Head = {};
  private usage: Usage | undefined;

  constructor(context: RenderContext, wording = openaiWording) {
    this.context = context;
    this.wording = wording;
  }

  private get head(): Json {
    return this.wording.head(object, this.told, this.context);
  }

  push(event: ChatEvent): string {
    if (event.type === "start") this.told = untiered(event);
    if (event.type === "usage") this.usage = event.usage;
    if (event.type === "finish") return this.echoed(event.choice) + this.chunk(event.choice, "", null, this.wording.finish(finishOf(event.finish)));
    if (event.type !== "text-delta") return "";
    const { choice, text, logprobs = [] } = event;
    const echoed = this.echoed(choice);
    const offset = this.written.get(choice)!;
    this.written.set(choice, offset + text.length);
    return echoed + (text === "" && logprobs.length === 0 ? "" : this.chunk(choice, text, renderLogprobs(logprobs, offset), { finish_reason: null }));
  }

  /** What goes before the first word of an answer. */
  private echoed(choice: number): string {
    if (this.written.has(choice)) return "";
    this.written.set(choice, 0);
    const echo = echoOf(this.context);
    return echo === "" ? "" : this.chunk(choice, echo, null, { finish_reason: null });
  }

  end(): string {
    const { usage } = this;
    const counted = usage && this.context.request.streamUsage ? this.frame({ choices: [], usage: this.wording.usage(usage, this.context) }) : "";
    return `${counted}data: [DONE]\n\n`;
  }

  fail(error: GatewayError): string {
    return this.wording.fail(error, this.head);
  }

  private chunk(index: number, text: string, logprobs: unknown, finish: Json): string {
    return this.frame({ choices: [{ index, text, logprobs, ...finish }] });
  }

  private frame(fields: Json): string {
    return `data: ${JSON.stringify({ ...this.head, ...fields })}\n\n`;
  }
}
