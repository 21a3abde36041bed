/** Writes a chat completion request in a provider's dialect. https://platform.openai.com/docs/api-reference/chat/create */
import { defined, effortOf, flatTools, functionTools, searchOf, type ChatRequest, type Loss, type ReasoningWish } from "../../chat/index.ts";
import type { Dialect, Rendered, Target } from "../protocol.ts";
import { list } from "../json.ts";
import { renderFormat, renderTools } from "./render-tools.ts";
import { TurnRenderer } from "./render-turns.ts";
import { protocolId } from "./words.ts";

type Json = Record<string, unknown>;
type Lose = (loss: Loss) => void;

/** What is lost with a field that a provider refuses. Other fields are lost by their own name. */
const lossOf: Readonly<Record<string, Loss>> = {
  max_tokens: "max_output_tokens", max_completion_tokens: "max_output_tokens", temperature: "temperature", top_p: "top_p", top_k: "top_k", min_p: "min_p", stop: "stop",
  seed: "seed", frequency_penalty: "frequency_penalty", presence_penalty: "presence_penalty", logit_bias: "logit_bias",
  logprobs: "logprobs", top_logprobs: "logprobs", n: "choices", verbosity: "verbosity", modalities: "modalities", audio: "modalities",
  service_tier: "service_tier", user: "user", metadata: "metadata", prompt_cache_key: "cache_key", parallel_tool_calls: "parallel_tools",
  tool_choice: "tool_choice", response_format: "output_format", reasoning_effort: "reasoning_effort", reasoning: "reasoning_effort",
};

function renderReasoning(wish: ReasoningWish | undefined, { reasoning: kind }: Dialect, lose: Lose): Json {
  if (!wish) return {};
  const { effort, budgetTokens, adaptive, show } = wish;
  if (kind === "object") {
    const level = effort !== undefined ? { effort } : budgetTokens !== undefined ? { max_tokens: budgetTokens } : adaptive ? { enabled: true } : {};
    if (effort !== undefined && budgetTokens !== undefined) lose("reasoning_budget");
    const shown = show === "none" ? { exclude: true } : show && show !== "auto" ? { summary: show } : {};
    const reasoning = { ...level, ...shown };
    return Object.keys(reasoning).length > 0 ? { reasoning } : {};
  }
  if (show !== undefined && show !== "none") lose("reasoning_display");
  if (kind === undefined) {
    if (effort !== undefined || budgetTokens !== undefined || adaptive) lose("reasoning_effort");
    return {};
  }
  if (budgetTokens !== undefined) lose("reasoning_budget");
  const level = effort ?? (budgetTokens === undefined ? undefined : effortOf(budgetTokens));
  return level === undefined ? {} : { reasoning_effort: level };
}

function renderStreaming({ stream, rest }: ChatRequest, { streamOptions }: Dialect): Json {
  if (!stream) return {};
  const own = rest.protocol === protocolId ? rest.fields.stream_options : undefined;
  return { stream: true, ...(streamOptions === undefined && { stream_options: { ...(own as object | undefined), include_usage: true } }) };
}

function renderSampling(request: ChatRequest, { maxTokensField = "max_tokens" as const }: { maxTokensField?: string }, lose: Lose): Json {
  const { choices, modalities, serviceTier, logprobs } = request;
  const own = request.rest.protocol === protocolId;
  if (request.topK !== undefined && !own) lose("top_k");
  if (request.minP !== undefined && !own) lose("min_p");
  const isOnlyText = modalities?.every((modality) => modality === "text");
  return defined({
    [maxTokensField]: request.maxOutputTokens,
    temperature: request.temperature,
    top_p: request.topP,
    top_k: own ? request.topK : undefined,
    min_p: own ? request.minP : undefined,
    stop: request.stop,
    seed: request.seed,
    frequency_penalty: request.frequencyPenalty,
    presence_penalty: request.presencePenalty,
    logit_bias: request.logitBias,
    logprobs: logprobs && true,
    top_logprobs: logprobs && logprobs.top > 0 ? logprobs.top : undefined,
    n: choices !== undefined && choices > 1 ? choices : undefined,
    verbosity: request.verbosity,
    modalities: isOnlyText ? undefined : modalities,
    audio: request.audio,
    service_tier: serviceTier === "auto" ? undefined : serviceTier,
    user: request.user,
    metadata: request.metadata,
    prompt_cache_key: request.promptCacheKey,
  });
}

/** Fields for who routes among providers. https://openrouter.ai/docs/api-reference/overview */
const routerFields = new Set(["plugins", "transforms", "top_a", "image_config", "debug", "trace", "route", "stop_server_tools_when", "cache_control"]);

/** Fields of the client's own protocol go as they are, those of another are lost. */
function renderRest({ rest }: ChatRequest, dialect: Dialect, lose: Lose): Json {
  const known = (name: string): boolean => rest.protocol === protocolId && (dialect.routerFields === true || !routerFields.has(name));
  for (const name of Object.keys(rest.fields)) if (!known(name)) lose(`field:${name}`);
  return Object.fromEntries(Object.entries(rest.fields).filter(([name]) => known(name)));
}

/** Renders a request. Each loss is declared once. */
export function renderRequest(asked: ChatRequest, { upstreamId, origin, dialect, maxOutputTokens, prefill }: Target): Rendered {
  const losses = new Set<Loss>();
  const lose: Lose = (loss) => void losses.add(loss);
  const target = { upstreamId, origin, dialect, maxOutputTokens, prefill };
  const search = dialect.routerFields ? searchOf(asked) : undefined;
  const routed = search ? { ...asked, tools: asked.tools.filter((tool) => searchOf({ tools: [tool] }) === undefined) } : asked;
  const request = dialect.developerRole ? flatTools(routed) : functionTools(routed, lose);
  const messages = new TurnRenderer(request.turns, target, request.rest.protocol === protocolId, lose).render(request.turns);
  const body: Json = {
    ...renderRest(request, dialect, lose),
    ...(search && { plugins: [...list(request.rest.fields.plugins), search.plugin] }),
    model: upstreamId,
    messages: prefill?.message ? [...messages.slice(0, -1), { ...messages.at(-1), ...prefill.message }] : messages,
    ...prefill?.body,
    ...renderStreaming(request, dialect),
    ...renderTools(request, dialect, lose),
    ...renderFormat(request.output, dialect, lose),
    ...renderReasoning(request.reasoning, dialect, lose),
    ...renderSampling(request, dialect, lose),
  };
  for (const field of dialect.refuses ?? []) {
    if (!Object.hasOwn(body, field)) continue;
    delete body[field];
    lose(lossOf[field] ?? `field:${field}`);
  }
  return { body, losses: [...losses] };
}
