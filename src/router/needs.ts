/** What a request needs of a model, and what a model lacks of it. */
import { capabilities, capabilityBits, type Capability, type Model } from "../catalog/index.ts";

/** Why a model cannot do what is asked. */
export type Lack = `lacks_${Capability}` | "kind" | "context" | "output_tokens" | "output_modality";

export type Needs = {
  readonly kind: Model["kind"];
  /** Models for other things can be asked as well: a conversation stands in for a moderation, vectors for a ranking. */
  readonly alsoKinds?: readonly Model["kind"][];
  readonly capabilities: readonly Capability[];
  /** What the answer may be made of beside text. */
  readonly outputModalities: readonly string[];
  /** What the request probably has, tokens. */
  readonly inputTokens: number;
  /** What the client allows for one answer; undefined: it sets no bound. */
  readonly outputTokens: number | undefined;
};

/** Of a request of which nothing is known but that it is like others. */
export const usualNeeds: Needs = { kind: "chat", capabilities: [], outputModalities: [], inputTokens: 1_000, outputTokens: undefined };

/** Needs with their capabilities as bits. */
export type NeedBits = Needs & { readonly bits: number };
export const needBits = (needs: Needs): NeedBits => ({ ...needs, bits: capabilityBits(needs.capabilities) });

const lacks: readonly Lack[] = capabilities.map((capability): Lack => `lacks_${capability}`);

/** What an unlisted model of the owner's is by its name: servers do not say. */
const byName: readonly [RegExp, Model["kind"]][] = [
  [/rerank/i, "rerank"], [/moderation/i, "moderation"], [/embed|\bbge\b|\be5\b|\bgte\b|minilm|nomic/i, "embedding"], [/whisper|transcri|parakeet|\basr\b/i, "transcription"],
  [/\btts\b|kokoro|piper|orpheus|speech/i, "speech"], [/video|\bsora\b|\bveo\b|\bwan[\d.]/i, "video"], [/stable-diffusion|sdxl|\bsd3|\bflux\b|dall-?e|imagen|image|imagine/i, "image"],
];
export const kindByName = (upstreamId: string): Model["kind"] | undefined => byName.find(([name]) => name.test(upstreamId))?.[1];
export const kindOf = (upstreamId: string, model: Model | undefined): Model["kind"] => model?.kind ?? kindByName(upstreamId) ?? "chat";

const isOfKind = (kind: Model["kind"], { kind: asked, alsoKinds }: Pick<Needs, "kind" | "alsoKinds">): boolean => kind === asked || alsoKinds?.includes(kind) === true;

/** The first thing that a model is known not to do. Of a model that the catalog does not know nothing is known, so nothing is missing. */
export function lackOf(upstreamId: string, model: Model | undefined, needs: NeedBits): Lack | undefined {
  if (!isOfKind(kindOf(upstreamId, model), needs)) return "kind";
  if (!model) return undefined;
  // What else is needed is needed of a conversation.
  const missing = model.kind === "chat" ? needs.bits & ~model.can : 0;
  if (missing !== 0) return lacks[31 - Math.clz32(missing & -missing)];
  const { inputTokens, outputTokens, outputModalities } = needs;
  if (outputModalities.length > 0 && !outputModalities.every((modality) => model.outputModalities.includes(modality))) return "output_modality";
  if (model.contextTokens !== null && inputTokens + (outputTokens ?? 0) > model.contextTokens) return "context";
  if (outputTokens !== undefined && model.maxOutputTokens !== null && outputTokens > model.maxOutputTokens) return "output_tokens";
  return undefined;
}
