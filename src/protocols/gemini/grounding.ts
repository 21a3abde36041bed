/**
 * Citations as Gemini says them: sources in one list, and segments of the text that name them. Segments are counted in bytes of UTF-8.
 * https://ai.google.dev/api/generate-content#GroundingMetadata
 */
import { defined, type Citation, type TextPart } from "../../chat/index.ts";
import { isObject, objects, protocolId, textIn, type Json } from "./words.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const bytesIn = (text: string): number => encoder.encode(text).length;
const charsIn = (text: string, bytes: number): number => decoder.decode(encoder.encode(text).subarray(0, bytes)).length;

/** A source with its place in the text that begins behind `from` characters of all that was `said`. */
function citationOf(source: Json, said: string, from: number, segment?: Json): Citation[] {
  const url = textIn(source.uri);
  if (!url) return [];
  const { startIndex, endIndex } = segment ?? {};
  const [start, end] = [startIndex ?? 0, endIndex].map((at) => (typeof at === "number" ? charsIn(said, at) - from : -1)) as [number, number];
  const place = segment && start >= 0 && end >= start ? { start, end } : {};
  return [{ url, ...defined({ title: textIn(source.title) }), ...place, raw: { protocol: protocolId, value: source } }];
}

/** What a candidate cites: each source at each place that names it, sources that no place names without one. */
export function citationsOf({ groundingMetadata, citationMetadata }: Json, said: string, from: number): Citation[] {
  const { groundingChunks, groundingSupports } = isObject(groundingMetadata) ? groundingMetadata : {};
  const webs = objects(groundingChunks).map(({ web }) => (isObject(web) ? web : {}));
  const places = objects(groundingSupports).flatMap(({ segment, groundingChunkIndices: named }) => (Array.isArray(named) ? named : []).map((index: unknown) => ({ index, segment: isObject(segment) ? segment : {} })));
  const placed = places.flatMap(({ index, segment }) => citationOf(webs[index as number] ?? {}, said, from, segment));
  const others = webs.filter((_, index) => !places.some((place) => place.index === index)).flatMap((web) => citationOf(web, said, from));
  const sources = isObject(citationMetadata) ? objects(citationMetadata.citationSources ?? citationMetadata.citations) : [];
  return [...placed, ...others, ...sources.flatMap((source) => citationOf(source, said, from, "endIndex" in source ? source : undefined))];
}

/** `groundingMetadata` of an answer's texts; undefined where they cite nothing that has an address. */
export function groundingOf(texts: readonly TextPart[]): Json | undefined {
  const chunks: Json[] = [];
  const supports: Json[] = [];
  let before = 0;
  for (const { text, citations = [] } of texts) {
    for (const { url, title, start, end } of citations) {
      if (url === undefined) continue;
      const known = chunks.findIndex(({ web }) => (web as Json).uri === url);
      const index = known < 0 ? chunks.push({ web: { uri: url, ...defined({ title }) } }) - 1 : known;
      if (start === undefined || end === undefined) continue;
      const startIndex = before + bytesIn(text.slice(0, start));
      supports.push({ segment: { ...(startIndex > 0 && { startIndex }), endIndex: before + bytesIn(text.slice(0, end)), text: text.slice(start, end) }, groundingChunkIndices: [index] });
    }
    before += bytesIn(text);
  }
  return chunks.length === 0 ? undefined : { groundingChunks: chunks, ...(supports.length > 0 && { groundingSupports: supports }) };
}
