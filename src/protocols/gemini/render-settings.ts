/** Tools and `generationConfig` of a request. https://ai.google.dev/api/generate-content#generationconfig */
import { budgetOf, defined, effortOf, type ChatRequest, type FunctionRequest, type FunctionTool, type Loss, type ReasoningWish } from "../../chat/index.ts";
import type { Target } from "../protocol.ts";
import { isObject, ownTiers, protocolId, usualTiers, type Json } from "./words.ts";

const mostStops = 5;
const levels = { none: "LOW", minimal: "LOW", low: "LOW", medium: "MEDIUM", high: "HIGH", xhigh: "HIGH", max: "HIGH" };

function renderTools(tools: readonly FunctionTool[], lose: (loss: Loss) => void): Json[] | undefined {
  const functions: Json[] = [];
  const others: Json[] = [];
  for (const tool of tools) {
    if (tool.type === "opaque") {
      if (tool.protocol === protocolId && isObject(tool.value)) others.push(tool.value);
      else lose("provider_tool");
      continue;
    }
    const { name, description = "", parameters, strict, cache } = tool;
    if (strict) lose("tool_strict");
    if (cache) lose("cache_breakpoint");
    functions.push(defined({ name, description, parametersJsonSchema: parameters }));
  }
  const all = [...(functions.length > 0 ? [{ functionDeclarations: functions }] : []), ...others];
  return all.length > 0 ? all : undefined;
}

const modes = { auto: "AUTO", none: "NONE", required: "ANY" };
function renderChoice(choice: ChatRequest["toolChoice"]): Json | undefined {
  if (!choice) return undefined;
  if (choice.type === "tool") return { functionCallingConfig: { mode: "ANY", allowedFunctionNames: [choice.name] } };
  if (choice.type === "allowed") return { functionCallingConfig: { mode: choice.mode === "auto" ? "VALIDATED" : "ANY", allowedFunctionNames: choice.names } };
  return { functionCallingConfig: { mode: modes[choice.type] } };
}

function renderThinking(wish: ReasoningWish | undefined, { upstreamId }: Target, maxOutputTokens: number | undefined, lose: (loss: Loss) => void): Json | undefined {
  if (!wish) return undefined;
  const { effort, budgetTokens, adaptive, show } = wish;
  const includeThoughts = show === undefined ? undefined : show !== "none";
  if (upstreamId.includes("gemini-3")) {
    if (budgetTokens !== undefined) lose("reasoning_budget");
    const wanted = effort ?? (budgetTokens === undefined ? undefined : effortOf(budgetTokens));
    if (wanted === "none") lose("reasoning_effort");
    const isLeast = (wanted === "none" || wanted === "minimal") && upstreamId.includes("flash");
    return defined({ thinkingLevel: isLeast ? "MINIMAL" : wanted && levels[wanted], includeThoughts });
  }
  const thinkingBudget = adaptive ? -1 : (budgetTokens ?? (effort && Math.min(24_576, budgetOf(effort, maxOutputTokens))));
  return defined({ thinkingBudget, includeThoughts });
}

const foreign = {
  logitBias: "logit_bias", user: "user", metadata: "metadata", verbosity: "verbosity", minP: "min_p", promptCacheKey: "cache_key",
} as const;

/** Everything of the body but the contents. */
export function renderConfig(request: FunctionRequest, target: Target, lose: (loss: Loss) => void): Json {
  const { output, stop, choices, modalities, logprobs, serviceTier, rest } = request;
  for (const key of Object.keys(foreign) as (keyof typeof foreign)[]) if (request[key] !== undefined) lose(foreign[key]);
  if (request.parallelTools === false) lose("parallel_tools");
  const tier = ownTiers.includes(serviceTier) ? serviceTier : undefined;
  if (!tier && !usualTiers.includes(serviceTier)) lose("service_tier");
  if (request.audio) lose("modalities");
  if (output?.type === "json-schema" && output.strict) lose("output_strict");
  if ((stop?.length ?? 0) > mostStops) lose("stop");
  const own = rest.protocol === protocolId;
  if (!own) for (const field of Object.keys(rest.fields)) lose(`field:${field}`);
  const { generationConfig: more, ...fields } = own ? rest.fields : {};
  const config = {
    ...defined({
      maxOutputTokens: request.maxOutputTokens, temperature: request.temperature, topP: request.topP, topK: request.topK,
      stopSequences: stop?.slice(0, mostStops), seed: request.seed, frequencyPenalty: request.frequencyPenalty, presencePenalty: request.presencePenalty,
      candidateCount: choices === 1 ? undefined : choices,
      responseMimeType: output && output.type !== "text" ? "application/json" : undefined,
      responseJsonSchema: output?.type === "json-schema" ? output.schema : undefined,
      responseLogprobs: logprobs ? true : undefined, logprobs: logprobs && logprobs.top > 0 ? logprobs.top : undefined,
      responseModalities: modalities?.map((one) => one.toUpperCase()),
      thinkingConfig: renderThinking(request.reasoning, target, request.maxOutputTokens, lose),
    }),
    ...(isObject(more) && more),
  };
  return {
    ...defined({ tools: renderTools(request.tools, lose), toolConfig: renderChoice(request.toolChoice), serviceTier: tier }),
    ...(Object.keys(config).length > 0 && { generationConfig: config }),
    ...fields,
  };
}
