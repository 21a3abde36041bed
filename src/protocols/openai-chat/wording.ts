/** Where dialects of chat completions differ in how an answer is worded: this is OpenAI's way, and the place for others. */
import type { Finish, ReasoningPart, Spot, Usage } from "../../chat/index.ts";
import type { GatewayError } from "../../errors.ts";
import type { RenderContext } from "../protocol.ts";
import { renderStreamError } from "./error.ts";
import { renderDetails, type Detail } from "./reasoning.ts";
import { renderTier } from "./render-parts.ts";
import { renderUsage } from "./render-usage.ts";
import { finishWords } from "./words.ts";

type Json = Record<string, unknown>;

/** What an answer says of itself at its beginning. */
export type Head = { id?: string | undefined; model?: string | undefined; createdAtS?: number | undefined; serviceTier?: string | undefined };

export type Wording = {
  /** The fields that an answer, or each chunk of one, begins with. */
  head(object: string, told: Head, context: RenderContext): Json;
  /** All the thoughts of a message: their text, and what has to be given back of them. */
  thoughts(text: string, details: readonly Detail[]): Json;
  /** What has to be given back of a whole block. */
  details(part: ReasoningPart, index: number, spot: Spot): Detail[];
  /** A piece of a block, as a delta. */
  thought(text: string, part: ReasoningPart, index: number): Json;
  /** What has to be given back of a block whose pieces have been told. */
  endOfThought(part: ReasoningPart, index: number, spot: Spot): Detail[];
  finish(finish: Finish): Json;
  usage(usage: Usage, context: RenderContext): Json;
  /** What stands in a whole answer, or in the last chunk of one, beside its usage. */
  beside?(context: RenderContext): Json;
  /** The last frame of a stream that broke. */
  fail(error: GatewayError, head: Json): string;
};

const idPrefixes: Readonly<Record<string, string>> = { text_completion: "cmpl" };

/** A whole block at its end, so that also a client that only appends entries can give it back. */
export const openaiWording: Wording = {
  head: (object, { id, model, createdAtS, serviceTier }, { request, requestId, nowS }) => ({
    id: id ?? `${idPrefixes[object] ?? "chatcmpl"}-${requestId}`, object, created: createdAtS ?? nowS, model: model ?? request.model, ...renderTier(serviceTier),
  }),
  thoughts: (text, details) => ({ ...(text !== "" && { reasoning_content: text }), ...(details.length > 0 && { reasoning_details: details }) }),
  details: renderDetails,
  thought: (text) => ({ reasoning_content: text }),
  endOfThought: renderDetails,
  finish: ({ unified }) => ({ finish_reason: finishWords[unified] }),
  usage: renderUsage,
  fail: (error) => renderStreamError(error),
};
