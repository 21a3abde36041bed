/** Requests in words: how they ended, what their tokens are, why a deployment was not asked. */
import type { End, KeptRefusal, LedgerEntry } from "../ledger/index.ts";

type Tone = "neutral" | "good" | "warn" | "bad";

export const ends: Record<End, { words: string; tone: Tone; is: string }> = {
  complete: { words: "complete", tone: "good", is: "The answer was passed on to its end." },
  client_gone: { words: "client left", tone: "neutral", is: "The client left before the answer was complete." },
  upstream_error: { words: "provider's error", tone: "bad", is: "The provider answered with an error, or the connection to it broke." },
  upstream_timeout: { words: "timeout", tone: "bad", is: "The provider sent nothing for too long." },
  unterminated: { words: "cut off", tone: "warn", is: "The stream stopped without saying that it was complete." },
  lease_expired: { words: "lost", tone: "warn", is: "Nobody told how it ended; what was held for it is charged." },
  outrun: { words: "outrun", tone: "neutral", is: "Another deployment was quicker, and this one was hung up on." },
  adjustment: { words: "correction", tone: "neutral", is: "A correction of what a request was charged." },
};

/** How a request came out, at a glance. */
export function resultOf({ end, status }: Pick<LedgerEntry, "end" | "status">): { words: string; tone: Tone } {
  const { words, tone } = ends[end];
  return end === "complete" && status >= 400 ? { words: `${status}`, tone: "bad" } : status >= 400 ? { words: `${words}, ${status}`, tone } : { words, tone };
}

/** The same of one that was refused before any provider was asked. */
export const refusedResult = ({ status }: Pick<KeptRefusal, "status">): { words: string; tone: Tone } => ({ words: `refused, ${status}`, tone: "warn" });

/** Where a cost comes from. */
export const sources: Record<LedgerEntry["costSource"], string> = {
  price: "What was used, at the prices below.",
  reported: "The provider's own figure for this request.",
  estimated: "An estimate: the provider did not say what was used.",
  unpriced: "Something that was used has no price; it was not charged.",
  adjusted: "A correction.",
};

/** Classes of tokens and pieces, as a usage and its price lines call them. */
export const classes: Readonly<Record<string, string>> = {
  inputTokens: "In", cachedTokens: "of them from a cache", cacheWriteTokens: "of them written to a cache", cacheWrite1hTokens: "of them kept for an hour", inputAudioTokens: "of them sound",
  inputImageTokens: "of them pictures", outputTokens: "Out", reasoningTokens: "of them reasoning", outputAudioTokens: "of them sound", outputImageTokens: "of them pictures", searches: "Web searches",
  input: "Input tokens", cached_input: "Input tokens from a cache", cache_write: "Input tokens written to a cache", cache_write_1h: "Input tokens kept for an hour", input_audio: "Input tokens of sound",
  cached_input_audio: "Input tokens of sound from a cache", input_image: "Input tokens of pictures", output: "Output tokens", output_reasoning: "Output tokens of reasoning", output_audio: "Output tokens of sound",
  output_image: "Output tokens of pictures", web_search: "Web searches", request: "The request itself", image: "Pictures", audio_second: "Seconds of sound", video_second: "Seconds of film", character: "Characters",
  search_unit: "Units of reranking",
};

/** Why a deployment was not asked; a reason that is not here says it by its name. */
export const reasons: Readonly<Record<string, string>> = {
  unknown: "nobody knows the name", not_configured: "its provider is not set up here", protocol: "it does not speak what was asked", not_native: "only its own protocol can say what was asked",
  not_self_hosted: "the request is sovereign", taken_out: "who runs the gateway has taken it out", not_allowed: "the key, the plan or the organisation does not allow it", not_priced: "what it costs is not known", free: "it is given away, which an alias of everything does not mean",
  not_free: "it is not free", ignored: "the request left it out", not_in_only: "the request wanted others only", fallbacks_off: "the request wanted no fallback", trains: "it may train on prompts",
  retains: "it may keep prompts", quantization: "its quantization is not one that was wanted", max_price: "it costs more than was wanted", unhealthy: "it was down",
  kind: "it is for something else", context: "the request is too long for it", output_tokens: "its answers are too short", output_modality: "it does not make what was asked for",
  lacks_tools: "it knows no tools", lacks_vision: "it sees no pictures", lacks_audio: "it hears nothing", lacks_video: "it sees no films", lacks_pdf: "it reads no PDF",
  lacks_json_schema: "it does not write by a schema", lacks_reasoning: "it does not reason", other_embedding: "its vectors cannot be compared", not_needed: "enough others stood before it",
};

/** How an order was found. */
export const pickWords: Readonly<Record<string, string>> = { order: "in the order of the list", cheapest: "the cheapest first", fastest: "the fastest first", throughput: "the most tokens a second first", weighted: "by weight" };
