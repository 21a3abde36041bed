/**
 * The contract of a wire format: how bytes look, never who sends them. Pure: no fetch, no environment, no clock.
 * This is the half that passing through needs: read what we must know, leave everything else alone.
 */
import type { ChatEvent, ChatRequest, ChatResponse, Loss, Origin, Usage } from "../chat/index.ts";
import type { Piece } from "../chat/usage.ts";
import type { GatewayError } from "../errors.ts";
import type { Asked, Bytes, Crossing, Telling } from "./crossing.ts";
import type { Dialect } from "./dialect.ts";
import type { Json } from "./json.ts";
import type { JobMaker } from "./job.ts";
import type { Prefill } from "./prefill.ts";
import type { RoutingWish } from "./routing-wish.ts";
import type { Way } from "./way.ts";

export type { Answer, Asked, Bytes, Crossing, CrossingContext, Flow, Errand, FormFields, FormValue, Retold, SentBody, SentFile, Telling } from "./crossing.ts";
export type { Dialect } from "./dialect.ts";
export type { Prefill } from "./prefill.ts";
export type { RoutingWish } from "./routing-wish.ts";
export type { Way } from "./way.ts";

/** What a request makes a model read. */
export type InputFacts = {
  /** Upper bound of its input tokens, but for pictures and what is unseen. */
  inputTokens: number;
  /** What they probably are, where nobody will have counted. */
  likelyInputTokens: number;
  /** Pictures in it: what each is at most depends on the model. */
  pictures?: number;
  /** The provider reads more than the request says (a file that it keeps, its own tools): only the model's context window bounds it. */
  unseen?: boolean;
};

export type NativeOnly = { readonly param: string; readonly what: readonly string[]; readonly must: boolean; readonly also?: readonly string[] };

/** What the gateway must know of a request before it can plan, price and send it. */
export type RequestFacts = InputFacts & {
  model: string;
  stream: boolean;
  /** The client itself asked for usage in its stream. */
  usageAsked: boolean;
  /** How often a model may read as much as it can for it: prompts in one request, rounds of a loop at the provider. Usually once. */
  readings?: number;
  /** Upper bound of output tokens that the client set, over all choices; undefined = it set none. */
  outputTokens: number | undefined;
  /** How many answers were asked for. */
  choices: number;
  /** Models that the provider itself may fall back to (Anthropic's `fallbacks`): nobody here plans or prices them. */
  otherModels?: readonly string[];
  /** Upper bound of web searches that the provider runs for it. */
  searches?: number | undefined;
  /**
   * What only this protocol can say: tools that a provider runs itself, a prompt of tokens. `what` names it, in the field `param`; `must`: whoever
   * cannot be told of it is not asked, else only after those who can.
   */
  nativeOnly?: NativeOnly | undefined;
  /** They are asked for in whatever protocol a provider speaks. */
  searchesAnyhow?: boolean;
  /** Some of its input may be kept cached for an hour, which costs more. */
  hourCache?: boolean;
  /** The service tier that was asked for. */
  serviceTier?: string | undefined;
  /** What it uses at most, in pieces of each kind by which it may be charged. */
  pieces?: Usage["pieces"];
  /** What a conversation that stands in for what was asked reads and writes at most beside the request. */
  standIn?: { readonly inputTokens: number; readonly outputTokens: number };
  /** The recording in it: its length as its file says it, or (not `exact`) as such files usually have it. */
  sound?: { readonly seconds: number; readonly exact: boolean };
  /** What it says of its own routing. */
  wish?: RoutingWish | undefined;
};

/** What an answer, or the part of a stream seen so far, says about itself. */
export type Observation = {
  usage: Usage | undefined;
  /** Nobody said it: it follows from what was asked. A list: that is so only of what it tells in these ways. */
  guessed?: boolean | readonly ("tokens" | Piece)[];
  /** Counts that came before the end, where a protocol tells them one by one; what is missing of them is estimated. */
  usageSoFar?: Partial<Usage> | undefined;
  /** What the provider says it cost, nano-USD. */
  reportedNanoUsd: number | undefined;
  /** The service tier that it says it was served in. */
  serviceTier?: string | undefined;
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
  /** The upstream closed: what is left to say. Only an observer that writes the stream anew has something. */
  close?(): string;
  readonly seen: Observation;
}

/** One wire format, as the relay uses it. */
export type Protocol = {
  readonly id: string;
  /** What its models are for; absent: conversations. */
  readonly kind?: "embedding" | "rerank" | "moderation" | "speech" | "transcription" | "image" | "video";
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
  /** Fields to set beside `edits` where the deployment gives its reasoning encrypted when it is asked to. */
  readonly sealing?: (raw: (key: string) => string | undefined) => Record<string, string>;
  /** Reads a whole JSON answer. */
  observe(body: unknown, facts?: RequestFacts): Observation;
  /** Reads a whole answer that is no JSON, or an answer of bytes of which `bytes` were passed on as they came. Absent: every answer is JSON. */
  observeBytes?(answer: Bytes, facts: RequestFacts): Observation;
  /** How an answer of bytes is told where the client asked for another form of them; undefined: as they come. */
  telling?(contentType: string, asked: Asked): Telling | undefined;
  /** A whole answer as the stream that the client asked for, from a provider that does not stream. */
  streamed?(body: unknown): string;
  /** Watches a stream. `hideUsage`: the client did not ask for the usage event, take it out. */
  watch(hideUsage: boolean): StreamObserver;
  /** false: the vendor's SDKs take a comment in a stream for a broken answer, or the stream is none of events. */
  readonly takesComments?: false;
  /** What a comment says that fills a silence; absent: `ping`. */
  readonly comment?: string;
  /** Its answers are worded otherwise than those of who speaks it upstream: none is passed through. */
  readonly retold?: true;
  /** Its errors have a shape of their own: a provider's are never passed on as they are. */
  readonly ownErrors?: true;
  /** An error in this protocol's shape as JSON text, and the frame that carries it in a stream. */
  renderError(error: GatewayError, requestId: string): string;
  renderStreamError(error: GatewayError, requestId: string): string;
  /** Of a conversation: how it is read and written when the provider speaks another protocol. */
  readonly conversation?: ClientHalf;
  /** How the same is asked in another provider's own wire format, where it is no conversation. */
  readonly crossings?: readonly Crossing[];
  /** It begins work that goes on when its request is over: who does such. */
  readonly jobs?: readonly JobMaker[];
  /** It is sent as a form: most bytes of it, which of its fields may stand several times, and its fields where it came as JSON (absent: it never does). */
  readonly form?: { readonly mostBytes: number; readonly lists?: readonly string[]; fromJson?(json: Json): Json };
  /** Of a request that only counts a conversation's tokens: how it is read, and how the count is written as JSON text. */
  readonly counting?: { parseRequest(body: unknown): ChatRequest; render(inputTokens: number): string };
};

/** Where an answer comes from, and what it needs from outside: protocols know no clock and no chance. */
export type ParseContext = {
  readonly origin: Required<Origin>;
  /** Letters and digits, new for every request: ids that a provider did not give are made of it. */
  readonly idSeed: string;
};

/** What a rendered answer says of itself where the provider did not. */
export type RenderContext = {
  readonly request: ChatRequest;
  /** `req_…` */
  readonly requestId: string;
  /** Unix seconds. */
  readonly nowS: number;
  /** What the answer costs by what has come of it. undefined: it has no price, its usage did not come, or the client does not want it. */
  readonly cost?: () => Cost | undefined;
  /** The name of the provider that answers, and whether it is asked on the organisation's own account. */
  readonly provider?: string;
  readonly own?: boolean;
  /** The way that it took; undefined: the client does not ask, or it is answered by two. */
  readonly way?: () => Way | undefined;
};

/** USD. `split`: what of it is for the input, requests and searches included, and what for the output, where it is known by the piece. */
export type Cost = { readonly usd: number; readonly split?: { readonly input: number; readonly output: number } };

/** The client half of a conversation's wire format. */
export type ClientHalf = {
  /** Reads the whole request. Throws `invalid_request` with the field and the reason. */
  parseRequest(body: unknown): ChatRequest;
  /** The answer as JSON text. */
  renderResponse(response: ChatResponse, context: RenderContext): { body: string; losses: Loss[] };
  renderStream(context: RenderContext): StreamRenderer;
  /** Content type of a rendered stream. */
  readonly streamType: "text/event-stream; charset=utf-8" | "application/json" | "application/x-ndjson";
};

/** Writes one stream. What it returns goes to the client in that order; "" is fine. */
export interface StreamRenderer {
  push(event: ChatEvent): string;
  /** The answer is whole: what the protocol's end needs. Called once, and nothing after it. */
  end(): string;
  /** The answer broke: the protocol's own words for it, valid after whatever was written before. Called once, instead of `end`. */
  fail(error: GatewayError): string;
}

/** Where a rendered request goes. */
export type Target = {
  /** What the provider calls the model. */
  readonly upstreamId: string;
  readonly origin: Required<Origin>;
  readonly dialect: Dialect;
  /** Most output tokens of one answer, as the catalog knows it. */
  readonly maxOutputTokens: number | undefined;
  /** The last turn is the beginning of the answer, and this is how to have it gone on with. */
  readonly prefill?: Prefill | undefined;
};

/** A rendered request. */
export type Rendered = { body: Record<string, unknown>; losses: Loss[] };

/** The upstream half of a conversation's wire format. */
export type UpstreamHalf = {
  readonly id: string;
  /** Path under a provider's base URL, unless the provider says otherwise. */
  path(upstreamId: string, stream: boolean): string;
  /** Headers that the protocol itself needs. */
  readonly headers?: Readonly<Record<string, string>>;
  renderRequest(request: ChatRequest, target: Target): Rendered;
  /** Reads a whole answer with status 2xx. */
  parseResponse(body: unknown, context: ParseContext): ChatResponse;
  parseStream(context: ParseContext): StreamParser;
  /** Counting the tokens of a request without answering it, where the protocol has that. */
  readonly count?: {
    /** Protocol id of counting, as a provider's `speaks` names it. */
    readonly id: string;
    path(upstreamId: string): string;
    render(request: ChatRequest, target: Target): Record<string, unknown>;
    /** The number of input tokens; undefined: the answer does not say. */
    parse(body: unknown): number | undefined;
  };
};

/** Reads one stream, a frame at a time. Keeps the laws of `ChatEvent`. Frames that mean nothing give nothing; none throws. */
export interface StreamParser {
  push(frame: { event?: string; data: string }): ChatEvent[];
  /** The upstream closed: ends parts that are open and hands out what was held back. Never makes up a finish that was not said. */
  end(): ChatEvent[];
}
