/** Writes an answer as a Responses object. https://platform.openai.com/docs/api-reference/responses/object */
import {
  eventsOf, type ChatError, type ChatRequest, type ChatResponse, type Finish, type Loss, type Usage,
} from "../../chat/index.ts";
import type { RenderContext } from "../protocol.ts";
import { renderCost } from "../render-cost.ts";
import { responseId } from "./render-items.ts";
import { ItemWriter } from "./item-writer.ts";
import { renderFormat, renderToolChoice, renderTools } from "./tools.ts";
import { protocolId, record, type Json } from "./words.ts";

/** The answer as JSON text. Only the first of several answers can be told. */
export function renderResponse(response: ChatResponse, context: RenderContext): { body: string; losses: Loss[] } {
  const writer = new ItemWriter(context, () => {});
  for (const event of eventsOf({ ...response, choices: response.choices.slice(0, 1) })) writer.push(event);
  const finish = response.choices[0]?.finish;
  writer.close(endOf(finish).status === "incomplete" ? "incomplete" : "completed");
  const body = renderObject(context, {
    model: response.model, createdAtS: response.createdAtS, serviceTier: response.serviceTier, usage: response.usage,
    finish: finish ?? { unified: "other" }, error: response.error, output: writer.output,
  });
  if (response.choices.length > 1) writer.losses.add("choices");
  return { body: JSON.stringify(body), losses: [...writer.losses] };
}

/** What of an answer is known. Without `finish` and `error` it is in progress. */
export type Known = {
  model?: string;
  createdAtS?: number;
  serviceTier?: string;
  usage?: Usage;
  finish?: Finish;
  error?: ChatError;
  output: Json[];
};

type End = { status: "completed" | "incomplete" | "failed"; reason?: "max_output_tokens" | "content_filter" };

const ends: Partial<Record<Finish["unified"], End>> = {
  length: { status: "incomplete", reason: "max_output_tokens" },
  "content-filter": { status: "incomplete", reason: "content_filter" },
  error: { status: "failed" },
};

/** How an answer's end is told. */
export const endOf = (finish: Finish | undefined): End => (finish && ends[finish.unified]) ?? { status: "completed" };

/** A whole Responses object, with the request's fields as the vendor echoes them. */
export function renderObject(context: RenderContext, { model, createdAtS, serviceTier, usage, finish, error, output }: Known): Json {
  const { request, requestId, nowS } = context;
  const end: End | undefined = error ? { status: "failed" } : finish && endOf(finish);
  const failure = error ?? (end?.status === "failed" ? { status: 502, message: `The provider ended with ${finish?.raw ?? "an error"}.` } : undefined);
  return {
    id: responseId(requestId),
    object: "response",
    created_at: createdAtS ?? nowS,
    completed_at: end?.status === "completed" ? Math.max(nowS, createdAtS ?? nowS) : null,
    status: end?.status ?? "in_progress",
    background: false,
    error: failure ? { code: codeOf(failure), message: failure.message } : null,
    incomplete_details: end?.reason ? { reason: end.reason } : null,
    model: model ?? request.model,
    ...echoOf(request),
    service_tier: tierOf(serviceTier ?? request.serviceTier),
    output,
    usage: usage ? { ...renderUsage(usage), ...renderCost(context) } : null,
  };
}

/** The vendor's closed list has two codes that fit any provider's failure. */
const codeOf = ({ status, code }: ChatError): string =>
  status === 429 ? "rate_limit_exceeded" : code === "invalid_prompt" || code === "rate_limit_exceeded" ? code : "server_error";

const tiers = new Set(["auto", "default", "flex", "scale", "priority", "fast"]);
const tierOf = (tier: string | undefined): string => (tier !== undefined && tiers.has(tier) ? tier : "default");

function echoOf(request: ChatRequest): Json {
  const { tools, toolChoice, reasoning, output, verbosity, turns } = request;
  const rest = request.rest.protocol === protocolId ? request.rest.fields : {};
  const first = turns[0]?.role === "system" ? turns[0].parts.flatMap((part) => (part.type === "text" ? part.text : [])).join("") : null;
  return {
    instructions: first,
    max_output_tokens: request.maxOutputTokens ?? null,
    max_tool_calls: rest.max_tool_calls ?? null,
    metadata: request.metadata ?? {},
    parallel_tool_calls: request.parallelTools ?? true,
    previous_response_id: null,
    presence_penalty: 0,
    frequency_penalty: 0,
    prompt_cache_key: request.promptCacheKey ?? null,
    reasoning: { effort: reasoning?.effort ?? null, summary: reasoning?.show === "none" ? null : (reasoning?.show ?? null) },
    safety_identifier: request.user ?? null,
    store: false,
    temperature: request.temperature ?? 1,
    text: { ...record(rest.text), format: renderFormat(output ?? { type: "text" }), ...(verbosity && { verbosity }) },
    tool_choice: toolChoice ? renderToolChoice(toolChoice, tools) : (rest.tool_choice ?? "auto"),
    tools: renderTools(tools),
    top_logprobs: request.logprobs?.top ?? 0,
    top_p: request.topP ?? 1,
    truncation: rest.truncation ?? "disabled",
  };
}

const renderUsage = ({ inputTokens, cachedTokens, cacheWriteTokens, outputTokens, reasoningTokens }: Usage): Json => ({
  input_tokens: inputTokens,
  input_tokens_details: { cached_tokens: cachedTokens, cache_write_tokens: cacheWriteTokens },
  output_tokens: outputTokens,
  output_tokens_details: { reasoning_tokens: reasoningTokens },
  total_tokens: inputTokens + outputTokens,
});
