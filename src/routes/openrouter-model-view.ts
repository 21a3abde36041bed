/** Models and their endpoints as OpenRouter's clients read them. https://openrouter.ai/docs/api-reference/list-available-models */
import { usdOfPico } from "../ledger/index.ts";
import { listed, type Price, type PriceClass } from "../ledger/price.ts";
import { fltOf } from "../protocols/index.ts";
import type { Attempt, CallableModel, Vital } from "../router/index.ts";

/** Nobody can say what it costs: it depends on whom a request is sent to, or has no price. */
const unknown = "-1";

/** Their names for what is charged. Of embeddings there is no output. */
const classes: Readonly<Record<string, PriceClass>> = {
  prompt: "input", completion: "output", request: "request", image_token: "input_image", image_output: "output_image", audio: "input_audio", audio_output: "output_audio",
  web_search: "web_search", internal_reasoning: "output_reasoning", input_cache_read: "cached_input", input_cache_write: "cache_write", input_cache_write_1h: "cache_write_1h",
};

/** USD per unit as decimal text, exact; from each step for long prompts on what is charged there. */
export function pricingOf({ prices, endpoint }: Pick<Attempt, "prices" | "endpoint">, atMs: number) {
  const at = (inputTokens: number) => Object.fromEntries(Object.entries(classes).flatMap(([name, wanted]) => {
    const pico = listed(prices, wanted, inputTokens, atMs);
    return pico === undefined ? [] : [[name, usdOfPico(pico)]];
  }));
  const { prompt, completion, ...others } = at(0);
  const none = endpoint.provider.selfHosted && prices.length === 0 ? "0" : unknown;
  const overrides = stepsOf(prices, atMs).map((step) => ({ min_prompt_tokens: step, ...at(step + 1) }));
  return { prompt: prompt ?? none, completion: completion ?? (prompt === undefined ? none : "0"), ...others, ...(overrides.length > 0 && { overrides }) };
}

const stepsOf = (prices: readonly Price[], atMs: number): number[] =>
  [...new Set(prices.filter(({ aboveTokens, validFromMs }) => aboveTokens > 0 && validFromMs <= atMs).map(({ aboveTokens }) => aboveTokens))].sort((a, b) => a - b);

const modalities: Readonly<Record<string, string>> = { pdf: "file", embedding: "embeddings" };
/** What comes of a model that is not for conversations has its kind's name, so that nobody asks it for one. */
const outputs: Partial<Record<CallableModel["kind"], readonly string[]>> = { embedding: ["embedding"], rerank: ["rerank"], speech: ["speech"], transcription: ["transcription"], moderation: ["decisions"] };
const inTheirWords = (names: readonly string[]): string[] => [...new Set(names.map((name) => modalities[name] ?? name))];

const sampling = ["max_tokens", "temperature", "top_p", "stop", "seed", "frequency_penalty", "presence_penalty"];
/** Parameters that go with what a model can do. */
const byCapability: Readonly<Record<string, readonly string[]>> = {
  tools: ["tools", "tool_choice", "parallel_tool_calls"], json_schema: ["response_format", "structured_outputs"], reasoning: ["reasoning", "reasoning_effort", "include_reasoning"],
};

type Described = Pick<CallableModel, "kind" | "model">;

export const parametersOf = ({ kind, model }: Described): string[] =>
  kind === "chat" ? [...sampling, ...(model?.capabilities ?? []).flatMap((capability) => byCapability[capability] ?? [])] : [];

/** What goes in and what comes out, in their words. */
export function architectureOf({ kind, model }: Described) {
  const input = inTheirWords(model?.inputModalities ?? ["text"]);
  const output = inTheirWords(outputs[kind] ?? model?.outputModalities ?? ["text"]);
  return { modality: `${input.join("+")}->${output.join("+")}`, input_modalities: input, output_modalities: output, tokenizer: "Other", instruct_type: null };
}

/** The path under which a model's endpoints are told. */
const detailsOf = (id: string): string => `/api/v1/models/${id.split("/").map(encodeURIComponent).join("/")}/endpoints`;

/** The price of a thousand tokens as ForgeLab's clients read it, at the same URL; nothing where nobody can say it. */
const inFlt = ({ prompt, completion }: { prompt: string; completion: string }, fltPerUsd: number) =>
  (prompt === unknown ? {} : { input_flt_per_1k: fltOf(Number(prompt) * 1_000, fltPerUsd), output_flt_per_1k: fltOf(Number(completion) * 1_000, fltPerUsd) });

/** OpenAI's and ForgeLab's fields are beside OpenRouter's: nobody minds the others'. An alias has no price, for it may be anyone's. */
export function modelView(callable: CallableModel, atMs: number, fltPerUsd: number) {
  const { id, owner, createdAtMs, model, first } = callable;
  const isAlias = model === undefined && !first.endpoint.provider.selfHosted;
  const pricing = isAlias ? { prompt: unknown, completion: unknown } : pricingOf(first, atMs);
  return {
    id, canonical_slug: id, name: id, object: "model" as const, owned_by: owner, created: Math.floor(createdAtMs / 1000),
    context_length: model?.contextTokens ?? null,
    architecture: architectureOf(callable),
    pricing: { ...pricing, ...inFlt(pricing, fltPerUsd) },
    top_provider: { context_length: model?.contextTokens ?? null, max_completion_tokens: model?.maxOutputTokens ?? null, is_moderated: false },
    per_request_limits: null, default_parameters: null, supported_voices: null,
    supported_parameters: parametersOf(callable),
    links: { details: detailsOf(id) },
  };
}
export type ModelView = ReturnType<typeof modelView>;

/** Their words for a deployment that is used, watched again after it failed, and left alone. */
const statuses = { closed: 0, half_open: -2, open: -5 } as const;

/** What is measured of an endpoint: of what is half an hour old hardly anything is left in it. */
export type Measured = Vital & { okShare?: number; spread?: { firstByteMs?: object; tokensPerSecond?: object } };

/** One deployment of a model. `measured` undefined: nobody has called it lately. */
export function endpointView(callable: CallableModel, { endpoint: { provider }, deployment, contextTokens, maxOutputTokens, prices, endpoint }: Attempt, measured: Measured | undefined, atMs: number) {
  const { id, model } = callable;
  const calls = model?.capabilities.includes("tools") ?? false;
  const most = contextTokens ?? model?.contextTokens;
  return {
    name: `${provider.name} | ${deployment}`, model_id: id, model_name: id, provider_name: provider.name, tag: provider.id, quantization: null,
    context_length: most ?? 0, max_completion_tokens: maxOutputTokens ?? null, max_prompt_tokens: most ?? null,
    pricing: pricingOf({ prices, endpoint }, atMs),
    supported_parameters: parametersOf(callable),
    supports_implicit_caching: prices.some(({ class: of }) => of === "cached_input"),
    supports_tool_choice: { auto: calls, function: calls, none: calls, required: calls },
    status: statuses[measured?.state ?? "closed"],
    uptime_last_5m: null, uptime_last_30m: measured?.okShare === undefined ? null : measured.okShare * 100, uptime_last_1d: null,
    latency_last_30m: measured?.spread?.firstByteMs ?? null, throughput_last_30m: measured?.spread?.tokensPerSecond ?? null,
  };
}

/** What is told of a model above its endpoints. */
export const endpointsHead = (callable: CallableModel) => {
  const { id, createdAtMs } = callable;
  return { id, name: id, created: Math.floor(createdAtMs / 1000), description: "", architecture: architectureOf(callable) };
};

/** A model of films. What it can be asked for is its provider's to say, and null here. */
export function videoModelView({ id, createdAtMs, first }: CallableModel, atMs: number) {
  const pico = listed(first.prices, "video_second", 0, atMs);
  return {
    id, canonical_slug: id, name: id, created: Math.floor(createdAtMs / 1000), supported_resolutions: null, supported_aspect_ratios: null, supported_durations: null, supported_sizes: null,
    supported_frame_images: null, generate_audio: null, seed: null, creativity: null, upscale_factor: null, allowed_passthrough_parameters: [],
    pricing_skus: pico === undefined ? null : { duration_seconds: usdOfPico(pico) },
  };
}
