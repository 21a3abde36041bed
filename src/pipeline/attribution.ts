/** Which application a request comes from, as it says itself: https://openrouter.ai/docs/app-attribution. Pure. */
import type { App } from "../ledger/entry.ts";

/** The newer header first. */
const titles = ["x-openrouter-title", "x-title"];
const mostCharacters = 64;
/** Characters of an address that are looked at. */
const mostAddress = 2_048;

/** One line of text without anything that is a sign to a browser, a terminal or the order of writing. */
const plain = (text: string): string => text.slice(0, 4 * mostCharacters).toWellFormed().replace(/[\p{C}<>"'`\\]/gu, "").replace(/\s+/g, " ").trim().slice(0, mostCharacters).toWellFormed().trim();

/** Where it is: only the origin, for a path may tell more than it should. */
function placeOf(referer: string | null): { host: string; origin: string } | undefined {
  const url = referer === null || referer.length > mostAddress ? null : URL.parse(referer);
  return url && /^https?:$/.test(url.protocol) && url.host.length <= 4 * mostCharacters ? { host: url.host, origin: url.origin } : undefined;
}

/** undefined: it does not say. */
export function appOf(headers: Headers): App | undefined {
  const title = titles.map((name) => plain(headers.get(name) ?? "")).find((text) => text !== "");
  const place = placeOf(headers.get("http-referer"));
  const name = title ?? (place && plain(place.host));
  return name ? { name, ...(place && { url: place.origin }) } : undefined;
}
