/** What a name says beside which model it means. OpenRouter's suffixes: https://openrouter.ai/docs/features/provider-routing#nitro-shortcut */
import type { PickBy } from "../catalog/index.ts";
import { providerOf } from "../providers/index.ts";

/** Suffixes that sort the deployments of any model. `:free` names a variant, and any model's deployments that cost nothing. */
const sorts: Readonly<Record<string, PickBy>> = { floor: "cheapest", nitro: "throughput" };
/** Suffixes that say nothing of whom to ask: a quality that nobody else measures, and that the web shall be searched, which the protocol reads. */
const idle = new Set(["exacto", "online"]);

export type Asked = { readonly name: string; readonly pick?: PickBy; readonly free?: true };

/** A name without the suffix that routes it. */
export function asked(name: string): Asked {
  const colon = name.lastIndexOf(":");
  const suffix = name.slice(colon + 1);
  if (colon <= 0) return { name };
  if (suffix === "free") return { name: name.slice(0, colon), free: true };
  if (idle.has(suffix)) return { name: name.slice(0, colon) };
  return Object.hasOwn(sorts, suffix) ? { name: name.slice(0, colon), pick: sorts[suffix]! } : { name };
}

/** A dated id without its date: `-2024-08-06`, `-20250929`, `@20250929`. undefined: it has none. */
export function undated(name: string): string | undefined {
  const found = /^(.+?)[-@](?:20\d\d-[01]\d-[0-3]\d|20\d\d[01]\d[0-3]\d)$/.exec(name);
  return found?.[1];
}

/** A number from 0 to 1 that is always the same for the same words. FNV-1a, then mixed as in MurmurHash3. */
export function chanceOf(...words: readonly string[]): number {
  let hash = 0x811c9dc5;
  for (const word of words) {
    for (let i = 0; i < word.length; i += 1) hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ 0xff, 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/** The name of a deployment's provider; null where it is none that is known. */
export const providerNamed = (deployment: string): string | null => providerOf(deployment.slice(0, Math.max(0, deployment.indexOf("/"))))?.name ?? null;
