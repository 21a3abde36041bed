/**
 * The contract of a wire format: how bytes look, never who sends them. Pure: no fetch, no environment, no clock.
 * This is the half that passing through needs: read what we must know, leave everything else alone.
 */
import type { GatewayError } from "../errors.ts";
import type { Usage } from "../chat/usage.ts";

/** What the gateway must know of a request before it can plan, price and send it. */
export type RequestFacts = {
  model: string;
  stream: boolean;
  /** The client itself asked for usage in its stream. */
  usageAsked: boolean;
  /** Upper bound of input tokens. */
  inputTokens: number;
  /** Upper bound of output tokens that the client set, over all choices; undefined = it set none. */
  outputTokens: number | undefined;
  /** How many answers were asked for. */
  choices: number;
  /** Models that the provider itself may fall back to (OpenRouter's `models`): nobody here plans or prices them. */
  otherModels?: readonly string[];
};

/** What an answer, or the part of a stream seen so far, says about itself. */
export type Observation = {
  usage: Usage | undefined;
  /** Counts that came before the end, where a protocol tells them one by one; what is missing of them is estimated. */
  usageSoFar?: Partial<Usage> | undefined;
  /** What the provider says it cost, nano-USD. */
  reportedNanoUsd: number | undefined;
  /** An error inside an answer that began with status 200. */
  error: string | undefined;
  /** The answer came to its end: a finish reason or the protocol's terminal event was there. */
  terminated: boolean;
  /** Characters of output text seen, for an estimate where usage never came. */
  outputCharacters: number;
};

/** Watches a stream as text of whole SSE frames. */
export interface StreamObserver {
  /** Reads whole frames. Returns the text to pass on: the same string unless something of ours must be taken out. */
  push(frames: string): string;
  readonly seen: Observation;
}

/** One wire format, as the relay uses it. */
export type Protocol = {
  readonly id: string;
  /**
   * Path under a provider's base URL, unless the provider says otherwise. A function where the model stands in the path and not in
   * the body (Gemini); it gets what the provider calls the model.
   */
  readonly path: string | ((upstreamId: string) => string);
  /** Client headers that are part of this protocol and may go upstream; no other ever does. Lower case. */
  readonly headers?: readonly string[];
  /** Reads the facts. Throws `invalid_request` with the field and the reason. */
  parse(body: unknown): RequestFacts;
  /**
   * Fields to set in the request, as raw JSON; `model` is set for you unless it stands in the path. `raw` reads a top-level
   * field's text, `upstreamId` is what the provider calls the model.
   */
  edits(facts: RequestFacts, raw: (key: string) => string | undefined, upstreamId: string): Record<string, string>;
  /** Reads a whole JSON answer. */
  observe(body: unknown): Observation;
  /** Watches a stream. `hideUsage`: the client did not ask for the usage event, take it out. */
  watch(hideUsage: boolean): StreamObserver;
  /** An error in this protocol's shape as JSON text, and the frame that carries it in a stream. */
  renderError(error: GatewayError, requestId: string): string;
  renderStreamError(error: GatewayError, requestId: string): string;
};
