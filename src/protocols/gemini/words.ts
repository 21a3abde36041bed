/** Gemini's words in both directions. https://ai.google.dev/api/generate-content */
import { seal, unseal, type FilePart, type Finish, type ReasoningPart } from "../../chat/index.ts";
import { isObject, objects, stringIn as textIn, type Json } from "../json.ts";

export const protocolId = "gemini-generate";
export { isObject, objects, textIn, type Json };

const filtered = ["SAFETY", "RECITATION", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "LANGUAGE", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "MODEL_ARMOR"];
const failed = ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE", "MALFORMED_RESPONSE"];
const finishes = new Map<string, Finish["unified"]>([
  ["STOP", "stop"], ["MAX_TOKENS", "length"],
  ...filtered.map((word) => [word, "content-filter"] as const),
  ...failed.map((word) => [word, "error"] as const),
]);

/** What a `finishReason` means; Gemini has no word for "the tools are to be called". */
export function finishOf(raw: string, calls: boolean): Finish {
  const unified = finishes.get(raw) ?? "other";
  return { unified: unified === "stop" && calls ? "tool-calls" : unified, raw };
}

/** `finishReason` by meaning. */
export const finishWords: Record<Finish["unified"], string> = {
  stop: "STOP", "tool-calls": "STOP", length: "MAX_TOKENS", "content-filter": "SAFETY", error: "OTHER", other: "OTHER",
};

/** The kind of a medium by its media type. */
export function kindOf(mediaType: string | undefined): FilePart["kind"] {
  const kind = mediaType?.split("/")[0];
  return kind === "image" || kind === "audio" || kind === "video" ? kind : "document";
}

const level = /^MEDIA_RESOLUTION_(?!UNSPECIFIED)(\w+)$/;
/** How closely a medium is to be looked at, of a part's `mediaResolution` and back. https://ai.google.dev/gemini-api/docs/media-resolution */
export const detailOf = (resolution: Json): string | undefined => level.exec(textIn(resolution.level) ?? "")?.[1]?.toLowerCase();
const levels: readonly unknown[] = ["low", "medium", "high", "ultra_high"];
export const resolutionOf = (detail: string | undefined): { mediaResolution: Json } | undefined => (levels.includes(detail) ? { mediaResolution: { level: `MEDIA_RESOLUTION_${detail!.toUpperCase()}` } } : undefined);

/** A `serviceTier` in most protocols' words. */
export const parseTier = (tier: unknown): string | undefined => (tier === "standard" ? "default" : tier === "unspecified" ? undefined : textIn(tier));
/** Tiers that need no word, and those that Gemini has one for. */
export const usualTiers: readonly unknown[] = [undefined, "auto", "default"];
export const ownTiers: readonly unknown[] = ["flex", "priority"];

/** What stands where a signature is missing, so that Gemini 3 takes the call, or the picture that a model made, all the same. https://ai.google.dev/gemini-api/docs/thought-signatures */
export const dummySignature = "skip_thought_signature_validator";
const dummies = new Set<unknown>([dummySignature, btoa(dummySignature)]);
/** A part's signature; Google's SDKs put the dummy in too. */
export const signatureOf = ({ thoughtSignature }: Json): string | undefined => (dummies.has(thoughtSignature) ? undefined : textIn(thoughtSignature) || undefined);

/** A sealed block as `thoughtSignature`: Google's SDKs decode it, so it is base64 as a whole. */
export const sealBase64 = (part: ReasoningPart): string => btoa(seal(part));

/** Undoes `sealBase64`; undefined: Google's own. */
export function unsealBase64(text: string, texts: readonly string[]): ReasoningPart | undefined {
  try {
    // Python's SDK sends bytes back in the URL's alphabet.
    return text.startsWith("Zm9yZ2Uu") ? unseal(atob(text.replaceAll("-", "+").replaceAll("_", "/")), texts)?.part : undefined;
  } catch {
    return undefined;
  }
}
