/** Writes a conversation as a Messages request. https://docs.anthropic.com/en/api/messages */
import { defined, functionTools, searchAs, type ChatRequest, type Loss, type WebSearch } from "../../chat/index.ts";
import type { Rendered, Target } from "../protocol.ts";
import { limitBreakpoints } from "./cache-breakpoints.ts";
import type { Lose } from "./render-files.ts";
import { closed, renderThinking, renderToolChoice, renderTools, yieldToThinking } from "./render-settings.ts";
import { renderTurns } from "./render-turns.ts";
import { protocol, record, type Json } from "./words.ts";

/** Messages cannot do without a bound; this one stands where nobody knows one. */
const defaultMaxTokens = 4_096;

/** https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/web-search-tool: domains are allowed or blocked, never both. */
const renderSearch = ({ most, only, never }: WebSearch): Json | undefined =>
  only && never ? undefined : { type: "web_search_20250305", name: "web_search", max_uses: most, ...(only && { allowed_domains: only }), ...(never && { blocked_domains: never }) };

/** Writes the request and declares what it could not say. */
export function renderRequest(asked: ChatRequest, target: Target): Rendered {
  const found = new Set<Loss>();
  const lose: Lose = (loss) => void found.add(loss);
  const request = functionTools(searchAs(asked, protocol, (search) => (target.dialect.webSearch ? renderSearch(search) : undefined)), lose);
  const own = request.rest.protocol === protocol;
  const { system, messages } = renderTurns(request.turns, { target, own, lose });
  const tools = renderTools(request.tools, lose);
  const bound = request.maxOutputTokens ?? target.maxOutputTokens ?? defaultMaxTokens;
  const { maxTokens, thinking, effort } = renderThinking(request, { maxTokens: bound, most: target.maxOutputTokens }, messages, lose);
  const format = renderFormat(request, own, lose);
  const body: Json = defined({
    model: target.upstreamId,
    max_tokens: maxTokens,
    system: system.length === 0 ? undefined : isPlain(system[0]!) && system.length === 1 ? system[0]!.text : system,
    messages,
    tools: tools.length > 0 ? tools : undefined,
    tool_choice: tools.length > 0 ? renderToolChoice(request, lose) : undefined,
    thinking,
    output_config: effort || format ? { ...(effort && { effort }), ...(format && { format }) } : undefined,
    ...renderSampling(request, lose),
    stream: request.stream || undefined,
  });
  if (thinking?.type === "enabled") yieldToThinking(body, lose);
  for (const loss of unsaid(request)) lose(loss);
  if (own) addRest(body, request.rest.fields);
  else for (const field of Object.keys(request.rest.fields)) lose(`field:${field}`);
  refuse(body, target, lose);
  limitBreakpoints(body, lose);
  return { body, losses: [...found] };
}

const isPlain = (block: Json): boolean => Object.keys(block).length === 2;

function renderFormat({ output }: ChatRequest, own: boolean, lose: Lose): Json | undefined {
  if (output?.type === "json") lose("output_format");
  if (output?.type !== "json-schema") return undefined;
  return { type: "json_schema", schema: own ? output.schema : closed(output.schema) };
}

const tiers: Readonly<Record<string, string>> = { auto: "auto", default: "standard_only", standard_only: "standard_only" };
/** Most characters of an end user's id. */
const longestUser = 512;

function renderSampling({ temperature, topP, topK, stop, user, serviceTier }: ChatRequest, lose: Lose): Json {
  if (temperature !== undefined && temperature > 1) lose("temperature");
  if (serviceTier !== undefined && !tiers[serviceTier]) lose("service_tier");
  if (user !== undefined && user.length > longestUser) lose("user");
  const stops = stop?.filter((one) => one.trim() !== "");
  if (stop?.some((one) => one !== "" && one.trim() === "")) lose("stop");
  return {
    temperature: temperature === undefined ? undefined : Math.min(1, temperature),
    top_p: topP,
    top_k: topK,
    stop_sequences: stops && stops.length > 0 ? stops : undefined,
    metadata: user !== undefined && user.length <= longestUser ? { user_id: user } : undefined,
    service_tier: tiers[serviceTier ?? ""],
  };
}

/** What Messages has no field for. */
function unsaid(request: ChatRequest): Loss[] {
  const { minP, seed, frequencyPenalty, presencePenalty, logitBias, logprobs, choices, verbosity, modalities, audio, metadata, promptCacheKey } = request;
  const asked: Partial<Record<Loss, boolean>> = {
    min_p: minP !== undefined,
    seed: seed !== undefined,
    frequency_penalty: Boolean(frequencyPenalty),
    presence_penalty: Boolean(presencePenalty),
    logit_bias: logitBias !== undefined && Object.keys(logitBias).length > 0,
    logprobs: logprobs !== undefined,
    choices: choices !== undefined && choices > 1,
    verbosity: verbosity !== undefined,
    modalities: audio !== undefined || Boolean(modalities?.some((one) => one !== "text")),
    metadata: metadata !== undefined && Object.keys(metadata).length > 0,
    cache_key: promptCacheKey !== undefined,
  };
  return (Object.keys(asked) as Loss[]).filter((loss) => asked[loss]);
}

/** The client's own fields, as they came; what is left of an object goes into the one that is there, and of a tool into that tool. */
function addRest(body: Json, { tool_fields: toolFields, ...fields }: Json): void {
  for (const tool of Array.isArray(body.tools) ? (body.tools as Json[]) : []) Object.assign(tool, record(toolFields)[String(tool.name)]);
  for (const [field, value] of Object.entries(fields)) body[field] = field in body ? { ...record(value), ...record(body[field]) } : value;
}

const lossOf: Readonly<Record<string, Loss>> = {
  temperature: "temperature", top_p: "top_p", top_k: "top_k", stop_sequences: "stop", metadata: "user", service_tier: "service_tier",
  tool_choice: "tool_choice", thinking: "reasoning_effort", output_config: "output_schema",
};

/** Takes out fields that this provider's dialect does not take. */
function refuse(body: Json, { dialect }: Target, lose: Lose): void {
  for (const field of dialect.refuses ?? []) {
    if (!(field in body)) continue;
    delete body[field];
    lose(lossOf[field] ?? `field:${field}`);
  }
}
