/**
 * How a block of thinking travels through a client of another protocol than its maker's: sealed, in the slot that the client's protocol
 * has for what is given back unread. What that protocol has no words for goes into the seal, so that the block comes back as it was.
 */
import { defined } from "./events.ts";
import type { Origin, ReasoningPart } from "./conversation.ts";

/** Where in a message a block stands, if its protocol keeps no order there: behind so many characters of text and so many calls. `picture`: it signs that one, counted from 0. */
export type Spot = { chars: number; calls: number; picture?: number };

const mark = "forge.";
const sealed = /^forge\.([\w-]+)\.([\w-]*)\.([set])((?:;[\w=,-]+)*)\.([^]*)$/;

/**
 * `forge.<protocol>.<provider>.<facts>.<value>`. Facts: `s` the value is a signature, `e` it is ciphertext, `t` there is none; then, with
 * a semicolon each, the block's `id`, whether it is a `summary`, the lengths of its `texts`, its `spot`. ASCII as far as the value is.
 */
export function seal({ origin, texts, signature, encrypted, id, summarised }: Omit<ReasoningPart, "type">, spot?: Spot): string {
  const facts = [
    signature === undefined ? (encrypted === undefined ? "t" : "e") : "s",
    ...(id !== undefined && /^[\w-]+$/.test(id) ? [`id=${id}`] : []),
    ...(summarised ? ["summary"] : []),
    ...(texts.length > 1 ? [`texts=${texts.map(({ length }) => length).join()}`] : []),
    ...(spot && (spot.chars + spot.calls > 0 || spot.picture !== undefined) ? [`spot=${[spot.chars, spot.calls, ...(spot.picture === undefined ? [] : [spot.picture])].join()}`] : []),
  ];
  return `${mark}${origin.protocol}.${origin.provider ?? ""}.${facts.join(";")}.${signature ?? encrypted ?? ""}`;
}

const numbersIn = (list: string): number[] => list.split(",").map(Number);

/** Paragraphs of these lengths, however the client has joined them; as they are where they were changed. */
function parted(texts: readonly string[], lengths: readonly number[]): string[] {
  for (const gap of ["\n\n", ""]) {
    const whole = texts.join(gap);
    if (lengths.reduce((sum, length) => sum + length + gap.length, -gap.length) !== whole.length) continue;
    let to = -gap.length;
    return lengths.map((length) => whole.slice(to + gap.length, (to += gap.length + length)));
  }
  return [...texts];
}

/** Undoes `seal`: the block, with the `texts` that the client gives back beside it. undefined: never sealed, so the client protocol's own. */
export function unseal(text: string, texts: readonly string[]): { part: ReasoningPart; spot?: Spot } | undefined {
  const [, protocol, provider, kind, list, value] = sealed.exec(text) ?? [];
  if (protocol === undefined) return undefined;
  const facts = new Map(list!.split(";").map((fact) => [fact.split("=", 1)[0]!, fact.slice(fact.indexOf("=") + 1)]));
  const [lengths, id, spot] = [facts.get("texts"), facts.get("id"), facts.get("spot")];
  const origin: Origin = { protocol, ...(provider && { provider }) };
  const part: ReasoningPart = {
    type: "reasoning", texts: lengths === undefined ? texts.filter((one) => one !== "") : parted(texts, numbersIn(lengths)), origin,
    ...(facts.has("summary") && { summarised: true }), ...(kind === "s" && { signature: value! }), ...(kind === "e" && { encrypted: value! }), ...defined({ id }),
  };
  const [chars = 0, calls = 0, picture] = spot === undefined ? [] : numbersIn(spot);
  return { part, ...(spot !== undefined && { spot: { chars, calls, ...defined({ picture }) } }) };
}

/** Whether a request's text holds something sealed, in base64 (Gemini) or as it is: then it must be read, whatever its protocol. */
export const holdsSealed = (text: string): boolean => text.includes(`"${mark}`) || text.includes('"Zm9yZ2Uu');
