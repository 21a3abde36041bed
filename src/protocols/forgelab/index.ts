/**
 * ForgeLab's request: one message, and what an answer costs in FLT. Around that it is a chat completion.
 * The document has no streams; as an extension they are chat completion chunks.
 */
import * as z from "zod";
import { together, type ChatRequest, type Usage } from "../../chat/index.ts";
import { openaiChat } from "../openai-chat/index.ts";
import { modelField, readFields, tokensField } from "../openai-chat/request.ts";
import { boundTexts } from "../bound.ts";
import type { ClientHalf, Protocol, RenderContext, RequestFacts } from "../protocol.ts";

/** What the document calls "system recommended". */
const recommended = "auto";

export const requestSchema = z.object({
  message: z.string("must be a string").min(1, "must not be empty"),
  model: modelField.nullish(),
  mode: z.enum(["brain", "chat"], 'must be "brain" or "chat"').nullish(),
  temperature: z.number("must be a number").min(0, "must be at least 0").max(2, "must be at most 2").nullish(),
  max_tokens: tokensField,
  stream: z.boolean("must be true or false").nullish(),
  trace: z.boolean("must be true or false").nullish(),
});

/** A request as it is read. `temperature` 0.7 unless it says otherwise; `trace`: the answer shall tell its steps. */
export type ForgelabRequest = { message: string; model: string; mode: "brain" | "chat"; temperature: number; maxTokens: number | undefined; stream: boolean; trace: boolean };

/** Reads a request. Throws `invalid_request` with the field and the reason. */
export function readForgelab(body: unknown): ForgelabRequest {
  const { message, model, mode, temperature, max_tokens, stream, trace } = readFields(requestSchema, body);
  return { message, model: model ?? recommended, mode: mode ?? "brain", temperature: temperature ?? 0.7, maxTokens: max_tokens ?? undefined, stream: stream ?? false, trace: trace ?? false };
}

/** Whether a body is ForgeLab's and not OpenRouter's, whose URL is the same. */
export const isForgelab = (body: unknown): boolean => {
  const { message, messages } = (body ?? {}) as { message?: unknown; messages?: unknown };
  return typeof message === "string" && messages === undefined;
};

/** What was used and spent for an answer before its last step, and what it tells of its steps. */
export type Before = { readonly usage?: Usage; readonly usd: number; readonly trace?: unknown };

/** FLT of a cost in USD: as many as the installation gives for one, to the millionth. */
export const fltOf = (usd: number, fltPerUsd: number): number => Math.round(usd * fltPerUsd * 1e6) / 1e6;

function parse(body: unknown): RequestFacts {
  const { message, model, maxTokens, stream } = readForgelab(body);
  return { model, stream, usageAsked: true, ...boundTexts(message), outputTokens: maxTokens, choices: 1 };
}

function parseRequest(body: unknown): ChatRequest {
  const { message, model, temperature, maxTokens, stream } = readForgelab(body);
  return {
    model, stream, streamUsage: true, turns: [{ role: "user", parts: [{ type: "text", text: message }] }], tools: [], temperature,
    ...(maxTokens !== undefined && { maxOutputTokens: maxTokens }), rest: { protocol: openaiChat.id, fields: {} },
  };
}

type Json = Record<string, unknown>;

/** Chat's client half, with the whole of what was used in its usage, and FLT. */
function clientHalf(fltPerUsd: number, before: Before | undefined): ClientHalf {
  const chat = openaiChat.conversation!;
  const priced = (context: RenderContext): RenderContext => ({ ...context, cost: () => {
    const cost = context.cost?.();
    return cost && { usd: cost.usd + (before?.usd ?? 0) };
  } });
  const whole = (usage: Usage): Usage => (before?.usage ? together(before.usage, usage) : usage);
  const inFlt = (answer: Json): Json => {
    const usage = answer.usage as (Json & { cost?: number }) | undefined;
    return usage?.cost === undefined ? answer : { ...answer, usage: { ...usage, cost_flt: fltOf(usage.cost, fltPerUsd) } };
  };
  const traced = (answer: Json): Json => (before?.trace === undefined ? answer : { ...answer, trace: before.trace });
  /** A stream's trace stands in the chunk with its end: usage is what some servers never tell. */
  const retold = (frames: string): string => frames.replace(/^data: (\{.*(?:"usage":\{|"finish_reason":").*)$/gm, (_, text: string) => {
    const chunk = JSON.parse(text) as Json & { choices?: { finish_reason?: unknown }[] };
    return `data: ${JSON.stringify(inFlt(chunk.choices?.[0]?.finish_reason ? traced(chunk) : chunk))}`;
  });
  return {
    ...chat,
    parseRequest,
    renderResponse(response, context) {
      const { body, losses } = chat.renderResponse(response.usage ? { ...response, usage: whole(response.usage) } : response, priced(context));
      return { body: JSON.stringify(traced(inFlt(JSON.parse(body) as Json))), losses };
    },
    renderStream(context) {
      const stream = chat.renderStream(priced(context));
      return {
        push: (event) => retold(stream.push(event.type === "usage" ? { ...event, usage: whole(event.usage) } : event)),
        end: () => retold(stream.end()),
        fail: (error) => stream.fail(error),
      };
    },
  };
}

/** ForgeLab's protocol at an installation that gives so many FLT for a USD. */
export const forgelab = (fltPerUsd: number, before?: Before): Protocol => ({ ...openaiChat, id: "forgelab", parse, conversation: clientHalf(fltPerUsd, before) });
