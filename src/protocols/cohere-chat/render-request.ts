/** Writes a conversation as a chat request of Cohere's. https://docs.cohere.com/reference/chat */
import { budgetOf, defined, functionTools, isFrom, textOf, type ChatRequest, type FilePart, type FunctionRequest, type Loss, type Part, type ToolResultPart, type Turn } from "../../chat/index.ts";
import { renderDetail } from "../detail.ts";
import type { Rendered, Target } from "../protocol.ts";
import type { Json } from "./words.ts";

type Lose = (loss: Loss) => void;

/** Writes the request and declares what it could not say. */
export function renderRequest(asked: ChatRequest, target: Target): Rendered {
  const found = new Set<Loss>();
  const lose: Lose = (loss) => void found.add(loss);
  const request = functionTools(asked, lose);
  const { stream, maxOutputTokens, temperature, topP, topK, stop, seed, frequencyPenalty, presencePenalty, logprobs } = request;
  const body = defined({
    model: target.upstreamId,
    messages: request.turns.flatMap((turn) => renderTurn(turn, target, lose)),
    ...renderTools(request, lose),
    response_format: renderOutput(request, lose),
    thinking: renderThinking(request, lose),
    max_tokens: maxOutputTokens, temperature, p: topP, k: topK, stop_sequences: stop?.length ? stop : undefined, seed,
    frequency_penalty: frequencyPenalty, presence_penalty: presencePenalty, logprobs: logprobs ? true : undefined,
    stream: stream || undefined,
  });
  if (logprobs?.top) lose("logprobs");
  for (const loss of unsaid(request)) lose(loss);
  for (const field of Object.keys(request.rest.fields)) lose(`field:${field}`);
  return { body, losses: [...found] };
}

function renderFile(part: FilePart, mediaType: string, lose: Lose): Json[] {
  const { kind, data, title, context, cite, filename } = part;
  if (title || context || cite || ("text" in data && filename)) lose("document_metadata");
  if ("text" in data) return [{ type: "text", text: data.text }];
  if (kind !== "image") lose(kind);
  else if ("fileId" in data) lose("uploaded_file");
  else return [{ type: "image_url", image_url: { url: "url" in data ? data.url : `data:${mediaType};base64,${data.base64}`, ...renderDetail(part, lose) } }];
  return part.transcript ? [{ type: "text", text: part.transcript }] : [];
}

/** The content blocks of what is said; calls and results stand elsewhere. */
function contentOf(parts: readonly Part[], lose: Lose): Json[] {
  return parts.flatMap((part) => {
    if ("cache" in part && part.cache) lose("cache_breakpoint");
    if (part.type === "text") {
      if (part.citations?.length) lose("citations");
      if (part.refusal) lose("refusal");
      return part.text ? [{ type: "text", text: part.text }] : [];
    }
    if (part.type === "file") return renderFile(part, part.mediaType ?? "image/png", lose);
    if (part.type === "opaque") lose("provider_content");
    return [];
  });
}

/** Text alone goes as a string, which every model of Cohere's takes. */
const plain = (content: readonly Json[]): unknown => (content.every(({ type }) => type === "text") ? content.map(({ text }) => text).join("\n\n") : content);

function renderResult({ id, content, isError, cache }: ToolResultPart, lose: Lose): Json {
  if (isError) lose("tool_result_error");
  if (cache || content.some((one) => one.cache)) lose("cache_breakpoint");
  const texts = content.flatMap((one) => (one.type === "text" ? one.text : one.type === "file" && "text" in one.data ? renderFile(one, "", lose).map(({ text }) => text) : []));
  if (texts.length < content.length) lose("tool_result_media");
  const text = texts.join("\n");
  return { role: "tool", tool_call_id: id, content: isError && !/error/i.test(text) ? `Error: ${text}` : text };
}

function renderTurn({ role, parts, name }: Turn, { origin }: Target, lose: Lose): Json[] {
  if (name) lose("message_name");
  if (role === "developer") lose("developer_role");
  const results = parts.flatMap((part) => (part.type === "tool-result" ? [renderResult(part, lose)] : []));
  const content = contentOf(parts.filter(({ type }) => type !== "tool-result"), lose).filter(({ type }) => role !== "assistant" || type !== "image_url" || void lose("model_media"));
  if (role !== "assistant") return [...results, ...(content.length > 0 ? [{ role: role === "developer" ? "system" : role === "tool" ? "user" : role, content: plain(content) }] : [])];
  const calls = parts.flatMap((part) => (part.type === "tool-call" ? [{ id: part.id, type: "function", function: { name: part.name, arguments: part.input || "{}" } }] : []));
  const thoughts = parts.flatMap((part) => {
    if (part.type !== "reasoning") return [];
    if (isFrom(part.origin, origin)) return [textOf(part)];
    lose("reasoning");
    return [];
  }).join("\n\n");
  if (calls.length > 0) return [{ role, tool_calls: calls, ...(thoughts && { tool_plan: thoughts }), ...(content.length > 0 && { content: plain(content) }) }];
  const said = [...(thoughts ? [{ type: "thinking", thinking: thoughts }] : []), ...content];
  return said.length > 0 ? [{ role, content: thoughts ? said : plain(said) }] : [];
}

function renderTools({ tools, toolChoice, parallelTools }: FunctionRequest, lose: Lose): Json {
  const rendered = tools.flatMap((tool) => {
    if (tool.type === "opaque") lose("provider_tool");
    if (tool.type === "opaque") return [];
    if (tool.cache) lose("cache_breakpoint");
    const { name, description, parameters } = tool;
    return [{ type: "function", function: { name, ...(description && { description }), parameters: { type: "object", ...parameters } } }];
  });
  if (rendered.length === 0) return {};
  if (parallelTools === false) lose("parallel_tools");
  const functions = tools.filter((tool) => tool.type === "function");
  const strict = functions.length > 0 && functions.every((tool) => tool.strict);
  if (!strict && functions.some((tool) => tool.strict)) lose("tool_strict");
  if (toolChoice?.type === "allowed" || (toolChoice?.type === "tool" && rendered.length > 1)) lose("tool_choice");
  const must = toolChoice?.type === "required" || toolChoice?.type === "tool" || (toolChoice?.type === "allowed" && toolChoice.mode === "required");
  return { tools: rendered, ...(strict && { strict_tools: true }), ...(must ? { tool_choice: "REQUIRED" } : toolChoice?.type === "none" && { tool_choice: "NONE" }) };
}

function renderOutput({ output }: ChatRequest, lose: Lose): Json | undefined {
  if (!output || output.type === "text") return undefined;
  if (output.type === "json-schema" && output.strict) lose("output_strict");
  return { type: "json_object", ...(output.type === "json-schema" && { json_schema: output.schema }) };
}

function renderThinking({ reasoning, maxOutputTokens }: ChatRequest, lose: Lose): Json | undefined {
  if (!reasoning) return undefined;
  if (reasoning.show !== undefined) lose("reasoning_display");
  if (reasoning.effort === "none") return { type: "disabled" };
  const budget = reasoning.budgetTokens ?? (reasoning.effort ? budgetOf(reasoning.effort, maxOutputTokens) : undefined);
  return { type: "enabled", ...(budget !== undefined && { token_budget: budget }) };
}

/** What Cohere has no field for. */
function unsaid({ minP, logitBias, choices, verbosity, modalities, audio, serviceTier, user, metadata, promptCacheKey }: ChatRequest): Loss[] {
  const asked: Partial<Record<Loss, boolean>> = {
    min_p: minP !== undefined, logit_bias: Object.keys(logitBias ?? {}).length > 0, choices: (choices ?? 1) > 1, verbosity: verbosity !== undefined,
    modalities: audio !== undefined || Boolean(modalities?.some((one) => one !== "text")), service_tier: serviceTier !== undefined && serviceTier !== "auto",
    user: user !== undefined, metadata: Object.keys(metadata ?? {}).length > 0, cache_key: promptCacheKey !== undefined,
  };
  return (Object.keys(asked) as Loss[]).filter((loss) => asked[loss]);
}
