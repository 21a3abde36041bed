/** How OpenRouter words an answer where that is not as OpenAI does. https://openrouter.ai/docs/api-reference/overview#responses */
import { defined, seal, type Finish, type ReasoningPart, type Spot, type Usage } from "../../chat/index.ts";
import type { Detail } from "../openai-chat/reasoning.ts";
import { renderUsage as renderOpenaiUsage } from "../openai-chat/render-usage.ts";
import { finishWords } from "../openai-chat/words.ts";
import { openaiWording, type Wording } from "../openai-chat/wording.ts";
import type { RenderContext } from "../protocol.ts";
import { errorOf } from "./error.ts";
import { generationId } from "./generation-id.ts";

type Json = Record<string, unknown>;

/** What a comment says that fills a silence. */
export const processing = "OPENROUTER PROCESSING";

/** What its clients call the ways in which thoughts are signed: they keep a text without signature only under a name that needs none. */
const formats: Readonly<Record<string, string>> = { "anthropic-messages": "anthropic-claude-v1", "openai-responses": "openai-responses-v1", gemini: "google-gemini-v1" };
const formatOf = ({ origin, signature, encrypted }: ReasoningPart): string => ((signature ?? encrypted) === undefined ? "unknown" : (formats[origin.protocol] ?? "unknown"));

const piece = (text: string, part: ReasoningPart, index: number): Detail =>
  part.summarised ? { type: "reasoning.summary", summary: text, format: formatOf(part), index } : { type: "reasoning.text", text, format: formatOf(part), index };

/** What vouches for a block, or stands in its place; nothing where its text is all there is. */
function voucher(part: ReasoningPart, index: number, spot: Spot): Detail[] {
  const { signature, encrypted } = part;
  if ((signature ?? encrypted) === undefined) return [];
  const key = { format: formatOf(part), ...defined({ id: part.id }), index };
  return encrypted === undefined ? [{ type: "reasoning.text", text: "", signature: seal(part, spot), ...key }] : [{ type: "reasoning.encrypted", data: seal(part, spot), ...key }];
}

/** A whole block: what vouches for its only text stands in it. */
function details(part: ReasoningPart, index: number, spot: Spot): Detail[] {
  const texts = part.texts.map((text) => piece(text, part, index));
  const [last] = voucher(part, index, spot);
  if (last?.signature === undefined || part.summarised || texts.length === 0) return [...texts, ...(last ? [last] : [])];
  return [...texts.slice(0, -1), { ...last, text: part.texts.at(-1)! }];
}

/** https://openrouter.ai/docs/use-cases/usage-accounting */
function renderUsage(usage: Usage, context: RenderContext): Json {
  const cost = context.cost?.();
  const { split } = cost ?? {};
  const { prompt_tokens_details: input, ...counted } = renderOpenaiUsage(usage, context);
  return {
    ...counted,
    prompt_tokens_details: { cache_write_tokens: usage.cacheWriteTokens, ...(input as object) },
    is_byok: context.own === true,
    ...(split && { cost_details: { upstream_inference_cost: cost!.usd, upstream_inference_prompt_cost: split.input, upstream_inference_completions_cost: split.output } }),
  };
}

const finished = ({ unified, raw }: Finish): Json => ({ finish_reason: unified === "error" ? "error" : finishWords[unified], native_finish_reason: raw ?? null });

export const openrouterWording: Wording = {
  /** Its SDK wants a fingerprint, or that there is none, in a whole answer, and no null in a stream. */
  head(object, { model, createdAtS, serviceTier }, context) {
    const { id: _, ...head } = openaiWording.head(object, { model, createdAtS, serviceTier }, context);
    return { id: generationId(context.requestId), ...head, ...(context.provider !== undefined && { provider: context.provider }), ...(object === "chat.completion" && { system_fingerprint: null }) };
  },
  thoughts: (text, entries) => ({ reasoning: text === "" ? null : text, ...(entries.length > 0 && { reasoning_details: entries }) }),
  details,
  thought: (text, part, index) => ({ reasoning: text, reasoning_details: [piece(text, part, index)] }),
  endOfThought: voucher,
  finish: finished,
  usage: renderUsage,
  /** https://openrouter.ai/docs/features/router-metadata */
  beside({ way, own }) {
    const told = way?.();
    if (!told) return {};
    const { requested, strategy, region, attempts, available, total, selected } = told;
    const metadata = {
      requested, strategy, region, summary: `available=${available.length}, selected=${selected}`, attempt: attempts.length, is_byok: own === true, endpoints: { total, available }, attempts,
    };
    return { openrouter_metadata: metadata };
  },
  fail: (error, head) => `data: ${JSON.stringify({ ...head, error: errorOf(error), choices: [{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: "error", native_finish_reason: null }] })}\n\n`,
};
