/** Writes a Responses request that stores nothing. https://platform.openai.com/docs/api-reference/responses/create */
import { defined, effortOf, searchAs, toolsOf, type ChatRequest, type Loss, type ReasoningWish, type WebSearch } from "../../chat/index.ts";
import type { Rendered, Target } from "../protocol.ts";
import { renderInput } from "./render-input.ts";
import { isForeign, renderFormat, renderToolChoice, renderTools } from "./tools.ts";
import { list, protocolId, record, type Json } from "./words.ts";

/** OpenAI refuses a smaller bound. */
const leastOutputTokens = 16;
/** Longest `safety_identifier`; longer ones go as `user`. */
const longestSafetyIdentifier = 64;

/** What Responses has no word for: which field of a request, and under what name it is lost. */
const unsaid: readonly [(request: ChatRequest) => boolean, Loss][] = [
  [({ stop }) => (stop?.length ?? 0) > 0, "stop"],
  [({ seed }) => seed !== undefined, "seed"],
  [({ frequencyPenalty }) => (frequencyPenalty ?? 0) !== 0, "frequency_penalty"],
  [({ presencePenalty }) => (presencePenalty ?? 0) !== 0, "presence_penalty"],
  [({ logitBias }) => Object.keys(logitBias ?? {}).length > 0, "logit_bias"],
  [({ choices }) => (choices ?? 1) > 1, "choices"],
  [({ topK }) => topK !== undefined, "top_k"],
  [({ minP }) => minP !== undefined, "min_p"],
  [({ modalities, audio }) => audio !== undefined || (modalities ?? []).some((modality) => modality !== "text"), "modalities"],
  [({ reasoning }) => reasoning?.budgetTokens !== undefined, "reasoning_budget"],
  [({ maxOutputTokens }) => maxOutputTokens !== undefined && maxOutputTokens < leastOutputTokens, "max_output_tokens"],
  [({ tools }) => tools.some((tool) => tool.type === "function" && tool.cache), "cache_breakpoint"],
  [({ tools }) => tools.some(isForeign), "provider_tool"],
];

/** Losses of fields that a dialect refuses. */
const refusedAs: Record<string, Loss> = {
  temperature: "temperature", top_p: "top_p", service_tier: "service_tier", metadata: "metadata", safety_identifier: "user", user: "user",
  prompt_cache_key: "cache_key", parallel_tool_calls: "parallel_tools", top_logprobs: "logprobs", reasoning: "reasoning_effort",
  text: "output_format", tool_choice: "tool_choice", max_output_tokens: "max_output_tokens", tools: "provider_tool",
};

/** https://platform.openai.com/docs/guides/tools-web-search: domains can be allowed, not blocked. */
const renderSearch = ({ only, never }: WebSearch): Json | undefined => (never ? undefined : { type: "web_search", ...(only && { filters: { allowed_domains: only } }) });

/** Writes a request. Every field that Responses cannot say is among the losses. */
export function renderRequest(asked: ChatRequest, target: Target): Rendered {
  const request = searchAs(asked, protocolId, (search) => (target.dialect.webSearch ? renderSearch(search) : undefined));
  const losses = new Set<Loss>();
  const lose = (loss: Loss): void => void losses.add(loss);
  for (const [isAsked, loss] of unsaid) if (isAsked(request)) lose(loss);
  const own = request.rest.protocol === protocolId;
  const rest = own ? request.rest.fields : {};
  if (!own) for (const name of Object.keys(request.rest.fields)) lose(`field:${name}`);
  const { instructions, input, holdsReasoning } = renderInput(request, target, lose);
  const body: Json = defined({
    ...rest,
    model: target.upstreamId,
    instructions,
    input,
    ...toolFields(request, rest),
    ...outputFields(request, rest),
    reasoning: objectOf({ ...record(rest.reasoning), ...renderWish(request.reasoning) }),
    include: includeOf(request, rest, holdsReasoning),
    ...plainFields(request),
    stream: request.stream || undefined,
    store: false,
  });
  for (const name of target.dialect.refuses ?? []) if (name in body && name !== "store") lose(refusedAs[name] ?? `field:${name}`);
  for (const name of target.dialect.refuses ?? []) delete body[name];
  return { body, losses: [...losses] };
}

/** Fields of a request that bear on how many tokens it is. */
const counted = ["model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "reasoning", "text", "truncation"];

/** The same request for `/responses/input_tokens`. https://platform.openai.com/docs/api-reference/responses/input-tokens */
export function renderCount(request: ChatRequest, target: Target): Json {
  const { body } = renderRequest(request, target);
  return Object.fromEntries(Object.entries(body).filter(([name]) => counted.includes(name)));
}

/** A choice is one among all tools, those of the input too. */
function toolFields(request: ChatRequest, rest: Json): Json {
  const { tools, toolChoice, parallelTools } = request;
  const all = toolsOf(request);
  if (all.every(isForeign)) return {};
  const rendered = renderTools(tools);
  const choice = toolChoice === undefined ? rest.tool_choice : renderToolChoice(toolChoice, all);
  return { tools: rendered.length > 0 ? rendered : undefined, tool_choice: choice, parallel_tool_calls: parallelTools };
}

function outputFields({ output, verbosity, maxOutputTokens, logprobs }: ChatRequest, rest: Json): Json {
  return {
    text: objectOf({ ...record(rest.text), ...defined({ format: output && renderFormat(output), verbosity }) }),
    max_output_tokens: maxOutputTokens === undefined ? undefined : Math.max(leastOutputTokens, maxOutputTokens),
    top_logprobs: logprobs?.top || undefined,
  };
}

function plainFields({ temperature, topP, serviceTier, metadata, user, promptCacheKey }: ChatRequest): Json {
  const safe = user !== undefined && user.length <= longestSafetyIdentifier;
  return {
    temperature,
    top_p: topP,
    service_tier: serviceTier,
    metadata,
    prompt_cache_key: promptCacheKey,
    ...(user !== undefined && (safe ? { safety_identifier: user } : { user })),
  };
}

function renderWish(wish: ReasoningWish | undefined): Json {
  const { effort, budgetTokens, show } = wish ?? {};
  return defined({
    effort: effort ?? (budgetTokens === undefined ? undefined : effortOf(budgetTokens)),
    summary: show === "none" ? undefined : show,
  });
}

const thinks = (wish: ReasoningWish | undefined): boolean => wish !== undefined && wish.effort !== "none" && wish.budgetTokens !== 0;

function includeOf({ reasoning, logprobs }: ChatRequest, rest: Json, holdsReasoning: boolean): unknown[] | undefined {
  const include = new Set(list(rest.include));
  if (thinks(reasoning) || holdsReasoning) include.add("reasoning.encrypted_content");
  if (logprobs) include.add("message.output_text.logprobs");
  return include.size > 0 ? [...include] : undefined;
}

const objectOf = (fields: Json): Json | undefined => (Object.keys(fields).length > 0 ? fields : undefined);
