/** OpenAI's explicit breakpoints of the prompt cache, in chat completions and Responses. They last for half an hour at least. https://platform.openai.com/docs/guides/prompt-caching */
import type { CacheBreakpoint, Loss } from "../chat/index.ts";
import { record, type Json } from "./json.ts";
import type { Target } from "./protocol.ts";

/** The breakpoint at the end of a content part. */
export const breakpointIn = (part: Json): { cache?: CacheBreakpoint } => (record(part.prompt_cache_breakpoint).mode === "explicit" ? { cache: {} } : {});

/** Whether the model takes breakpoints. */
export const takesBreakpoints = ({ dialect, upstreamId }: Target): boolean => dialect.breakpoints?.test(upstreamId) === true;

/** A breakpoint as fields of a content part; none and a declared loss where the model takes none. That it shall last for an hour cannot be said. */
export function renderBreakpoint(cache: CacheBreakpoint | undefined, takes: boolean, lose: (loss: Loss) => void): Json {
  if (cache && (!takes || cache.ttl === "1h")) lose("cache_breakpoint");
  return cache && takes ? { prompt_cache_breakpoint: { mode: "explicit" } } : {};
}

/** The parts of a tool's result, the last one with the result's own breakpoint; undefined: there is none that could have it. */
export function lastMarked<P extends { cache?: CacheBreakpoint }>(parts: readonly P[], cache: CacheBreakpoint | undefined): readonly P[] | undefined {
  const last = parts.at(-1);
  if (!cache) return parts;
  return last && [...parts.slice(0, -1), { ...last, cache }];
}
