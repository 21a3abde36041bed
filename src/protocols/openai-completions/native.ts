/** What of a legacy completion no other protocol can say. https://platform.openai.com/docs/api-reference/completions/create */
import { isObject, list, stringIn } from "../json.ts";
import type { NativeOnly } from "../protocol.ts";

/** Mistral's completions, which have a prompt and a suffix, and no more. */
export const fimProtocol = "mistral-fim";

/** Fields of a request that are read for it. */
type Asked = { prompt?: unknown; suffix?: unknown; n?: number | null; best_of?: number | null; echo?: unknown; logprobs?: unknown; max_tokens?: number | null };

/** A prompt in tokens: nobody else can tell what they say. */
const isTokens = (prompt: unknown): boolean => list(prompt).some((one) => typeof one !== "string");

const only: readonly [param: string, what: string, (asked: Asked) => boolean][] = [
  ["prompt", "a prompt of tokens", ({ prompt }) => isTokens(prompt)],
  ["prompt", "several prompts at once", ({ prompt }) => list(prompt).length > 1 && !isTokens(prompt)],
  ["prompt", "an answer to no prompt", ({ prompt }) => prompt == null],
  ["suffix", "what follows (suffix)", ({ suffix }) => suffix != null && suffix !== ""],
  ["best_of", "the best of several (best_of)", ({ best_of, n }) => (best_of ?? 1) > (n ?? 1)],
  ["echo", "the tokens of the prompt itself (echo with logprobs, or without an answer)", ({ echo, logprobs, max_tokens }) => echo === true && (logprobs != null || max_tokens === 0)],
];

export function nativeOnlyOf(asked: Asked): NativeOnly | undefined {
  const all = only.filter(([, , holds]) => holds(asked));
  if (all.length === 0) return undefined;
  return { param: all[0]![0], what: all.map(([, what]) => what), must: true, ...(all.every(([param]) => param === "suffix") && { also: [fimProtocol] }) };
}

/** The prompts of a request that asks for an answer to each of several texts; else none. */
export function textsIn(body: unknown): readonly string[] {
  const prompts = list(isObject(body) ? body.prompt : undefined).map(stringIn);
  return prompts.length > 1 && prompts.every((prompt) => prompt !== undefined) ? prompts : [];
}
