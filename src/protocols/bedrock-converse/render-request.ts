/** Writes a conversation as a Converse request. https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html */
import { budgetOf, defined, functionTools, type ChatRequest, type FunctionRequest, type FunctionTool, type Loss } from "../../chat/index.ts";
import type { Rendered, Target } from "../protocol.ts";
import { renderPart, type Lose } from "./render-parts.ts";
import type { Json } from "./words.ts";

type Message = { role: "user" | "assistant"; content: Json[] };

/** Writes the request and declares what it could not say. */
export function renderRequest(asked: ChatRequest, target: Target): Rendered {
  const found = new Set<Loss>();
  const lose: Lose = (loss) => void found.add(loss);
  const request = functionTools(asked, lose);
  const { system, messages } = renderTurns(request, target, lose);
  const additional = renderAdditional(request, target, lose);
  const { maxOutputTokens, temperature, topP, stop, metadata, serviceTier } = request;
  const stopSequences = stop?.filter((one) => one !== "");
  const inferenceConfig = defined({ maxTokens: maxOutputTokens, temperature: additional.thinking ? undefined : temperature, topP, stopSequences: stopSequences?.length ? stopSequences : undefined });
  if (additional.thinking && temperature !== undefined && temperature !== 1) lose("temperature");
  for (const loss of unsaid(request)) lose(loss);
  for (const field of Object.keys(request.rest.fields)) lose(`field:${field}`);
  const tools = renderTools(request, lose);
  const body = defined({
    messages,
    system: system.length > 0 ? system : undefined,
    inferenceConfig: Object.keys(inferenceConfig).length > 0 ? inferenceConfig : undefined,
    toolConfig: tools,
    additionalModelRequestFields: Object.keys(additional).length > 0 ? additional : undefined,
    outputConfig: renderOutput(request, lose),
    requestMetadata: metadata && Object.keys(metadata).length > 0 ? metadata : undefined,
    serviceTier: serviceTier && serviceTier !== "auto" ? { type: serviceTier } : undefined,
  });
  return { body, losses: [...found] };
}

/** Converse takes no media from the assistant. */
function isSayable(block: Json, lose: Lose): boolean {
  const isMedium = media.some((kind) => kind in block);
  if (isMedium) lose("model_media");
  return !isMedium;
}
const media = ["image", "audio", "video", "document"] as const;

function renderTurns({ turns }: ChatRequest, target: Target, lose: Lose): { system: Json[]; messages: Message[] } {
  const system: Json[] = [];
  const messages: Message[] = [];
  turns.forEach(({ role, parts, name }, at) => {
    if (name) lose("message_name");
    const content = parts.flatMap((part, i) => renderPart(part, `${at}-${i}`, target, lose)).filter((block) => role !== "assistant" || isSayable(block, lose));
    if (role === "developer") lose("developer_role");
    const isSystem = role === "system" || role === "developer";
    if (isSystem && messages.length === 0) return void system.push(...content);
    if (isSystem) lose("system_position");
    if (content.length === 0) return;
    const wireRole = role === "assistant" ? "assistant" : "user";
    const last = messages.at(-1);
    if (last?.role === wireRole) last.content.push(...content);
    else messages.push({ role: wireRole, content });
  });
  if (messages[0]?.role !== "user") messages.unshift({ role: "user", content: [{ text: "." }] });
  return { system, messages };
}

function renderTool(tool: FunctionTool, lose: Lose): Json[] {
  if (tool.type === "opaque") {
    lose("provider_tool");
    return [];
  }
  const { name, description, parameters, strict, cache } = tool;
  const mark = cache ? [{ cachePoint: { type: "default", ...(cache.ttl && { ttl: cache.ttl }) } }] : [];
  return [{ toolSpec: { name, ...(description && { description }), inputSchema: { json: { type: "object", ...parameters } }, ...(strict && { strict: true }) } }, ...mark];
}

/** Converse has no "none": without tools there is nothing to call, but earlier calls need theirs. */
function renderTools({ tools, toolChoice, parallelTools, turns }: FunctionRequest, lose: Lose): Json | undefined {
  if (parallelTools === false && tools.length > 0) lose("parallel_tools");
  const called = turns.some(({ parts }) => parts.some(({ type }) => type === "tool-call" || type === "tool-result"));
  if (toolChoice?.type === "none" && !called) return undefined;
  const rendered = tools.flatMap((tool) => renderTool(tool, lose));
  if (rendered.length === 0) return undefined;
  if (toolChoice?.type === "none" || toolChoice?.type === "allowed") lose("tool_choice");
  const choice = toolChoice?.type === "tool" ? { tool: { name: toolChoice.name } } : toolChoice?.type === "required" ? { any: {} } : undefined;
  return { tools: rendered, ...(choice && { toolChoice: choice }) };
}

function renderOutput({ output }: ChatRequest, lose: Lose): Json | undefined {
  if (output?.type === "json") lose("output_format");
  if (output?.type !== "json-schema") return undefined;
  const { name = "answer", description, schema } = output;
  return { textFormat: { type: "json_schema", structure: { jsonSchema: { name, ...(description && { description }), schema: JSON.stringify(schema) } } } };
}

/** What a model family takes beside Converse's own fields. */
function renderAdditional({ reasoning, topK, maxOutputTokens }: ChatRequest, { upstreamId }: Target, lose: Lose): Json {
  const isClaude = upstreamId.includes("anthropic.");
  if (topK !== undefined && !isClaude) lose("top_k");
  const thinks = reasoning && (reasoning.adaptive || reasoning.budgetTokens !== undefined || (reasoning.effort !== undefined && reasoning.effort !== "none"));
  if (thinks && !isClaude) lose(reasoning.budgetTokens !== undefined ? "reasoning_budget" : "reasoning_effort");
  if (reasoning?.show !== undefined) lose("reasoning_display");
  if (!isClaude) return {};
  const budget = reasoning?.budgetTokens ?? (reasoning?.effort ? budgetOf(reasoning.effort, maxOutputTokens) : 0);
  const fits = budget > 0 && (maxOutputTokens === undefined || budget < maxOutputTokens);
  if (budget > 0 && !fits) lose("reasoning_budget");
  return defined({
    top_k: topK,
    thinking: reasoning?.adaptive ? { type: "adaptive" } : fits ? { type: "enabled", budget_tokens: budget } : undefined,
  });
}

/** What Converse has no field for. */
function unsaid(request: ChatRequest): Loss[] {
  const { minP, seed, frequencyPenalty, presencePenalty, logitBias, logprobs, choices, verbosity, modalities, audio, user, promptCacheKey } = request;
  const asked: Partial<Record<Loss, boolean>> = {
    min_p: minP !== undefined, seed: seed !== undefined, frequency_penalty: Boolean(frequencyPenalty), presence_penalty: Boolean(presencePenalty),
    logit_bias: Object.keys(logitBias ?? {}).length > 0, logprobs: logprobs !== undefined, choices: (choices ?? 1) > 1, verbosity: verbosity !== undefined,
    modalities: audio !== undefined || Boolean(modalities?.some((one) => one !== "text")), user: user !== undefined, cache_key: promptCacheKey !== undefined,
  };
  return (Object.keys(asked) as Loss[]).filter((loss) => asked[loss]);
}
