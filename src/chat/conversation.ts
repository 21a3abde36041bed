/**
 * The canonical conversation: what every wire format is parsed into and rendered from when client and provider speak different
 * ones. Plain data. A protocol that cannot say something declares the loss; nothing is dropped in silence.
 */
import type { Loss } from "./losses.ts";
import type { Usage } from "./usage.ts";

/**
 * Who made a piece of reasoning, and so who alone may get its signature or ciphertext back. Without a provider: it came from a
 * client that speaks `protocol` itself, and any provider of that protocol may have made it.
 */
export type Origin = { readonly protocol: string; readonly provider?: string };

/** "Everything up to here may be cached", for five minutes unless it says otherwise. */
export type CacheBreakpoint = { readonly ttl?: "5m" | "1h" };

/** What only one protocol can say, verbatim. */
export type Opaque = { readonly protocol: string; readonly value: unknown };

/** Where a text has its words from. `start` and `end` are characters of the text; `raw` is the protocol's own object. */
export type Citation = { url?: string; title?: string; quote?: string; start?: number; end?: number; raw: Opaque };

/** How likely a token was, and which others were (natural logarithms). */
export type TokenLogprob = { token: string; logprob: number; bytes?: number[] | null; top?: { token: string; logprob: number; bytes?: number[] | null }[] };

export type TextPart = {
  type: "text";
  text: string;
  /** The model's words for "I will not". */
  refusal?: true;
  citations?: Citation[];
  logprobs?: TokenLogprob[];
  cache?: CacheBreakpoint;
};

/**
 * One block of thinking. `texts` are its paragraphs (OpenAI's summary parts; elsewhere one or none). `signature` vouches for the
 * text, `encrypted` stands in its place. A block with a signature and no text, right before another part, belongs to that part
 * (Gemini signs function calls and texts).
 */
export type ReasoningPart = {
  type: "reasoning";
  texts: string[];
  /** The texts are a summary, not the thoughts themselves. */
  summarised?: true;
  signature?: string;
  encrypted?: string;
  /** The provider's id of the block (Responses). */
  id?: string;
  origin: Origin;
};

/**
 * `input` is JSON text as it was received: key order and large integers survive. Of a custom tool it is free text.
 * `namespace` is the name of the tool's, `search` says that the tool finds tools.
 */
export type ToolCallPart = {
  type: "tool-call";
  id: string;
  name: string;
  namespace?: string;
  input: string;
  custom?: true;
  search?: true;
  cache?: CacheBreakpoint;
};

/** `name` is the called tool's, where the wire says it or the call is in the conversation. */
export type ToolResultPart = {
  type: "tool-result";
  id: string;
  name?: string;
  content: (TextPart | FilePart | OpaquePart)[];
  isError?: true;
  custom?: true;
  cache?: CacheBreakpoint;
};

/** A picture, a recording, a film or a document, by its bytes (base64), its address, the id of an uploaded file, or as plain text. */
export type FilePart = {
  type: "file";
  kind: "image" | "audio" | "video" | "document";
  data: { base64: string } | { url: string } | { fileId: string } | { text: string };
  /** `image/png`, `application/pdf`, `audio/wav`… undefined: the wire did not say and it cannot be told. */
  mediaType?: string;
  filename?: string;
  /** How closely a picture or a document is to be looked at: `auto`, `low`, `medium`, `high`, `ultra_high` (Gemini), `original` (Responses). */
  detail?: string;
  /** What is known of a document beside its text: Anthropic's `title`, `context`, and whether it shall be cited. */
  title?: string;
  context?: string;
  cite?: boolean;
  /** What is said in a recording that the model made, and the provider's id of it. */
  transcript?: string;
  id?: string;
  /** The protocol's own object of what the model made. */
  raw?: Opaque;
  cache?: CacheBreakpoint;
};

/** `tools`: those that it brings into the conversation. They join the request's where nobody knows the part itself. */
export type OpaquePart = { type: "opaque"; tools?: Tool[]; cache?: CacheBreakpoint } & Opaque;

export type Part = TextPart | ReasoningPart | ToolCallPart | ToolResultPart | FilePart | OpaquePart;

/**
 * One message, its parts in their order. Tool results stand in a `tool` turn (OpenAI) or among the parts of a `user` turn
 * (Anthropic): renderers split and join. Leading `system` turns are what other protocols call system prompt or instructions.
 */
export type Turn = { role: "system" | "developer" | "user" | "assistant" | "tool"; parts: Part[]; name?: string };

/** A group of tools. A name needs to be the only one in its namespace. */
export type Namespace = { name: string; description?: string };

/**
 * A function that the model may call (`parameters`: JSON schema), one with free text as input, or a provider's own tool. `search`:
 * the client answers a call of it with more tools. `format` as Responses has it: `{type: "grammar", syntax, definition}` or `{type: "text"}`.
 */
export type Tool =
  | { type: "function"; name: string; namespace?: Namespace; description?: string; parameters?: Record<string, unknown>; strict?: boolean; search?: true; cache?: CacheBreakpoint }
  | { type: "custom"; name: string; namespace?: Namespace; description?: string; format?: unknown }
  | ({ type: "opaque" } & Opaque);

export type ToolChoice =
  | { type: "auto" | "none" | "required" }
  | { type: "tool"; name: string }
  | { type: "allowed"; mode: "auto" | "required"; names: string[] };

export type OutputFormat =
  | { type: "text" }
  | { type: "json" }
  | { type: "json-schema"; name?: string; description?: string; schema: Record<string, unknown>; strict?: boolean };

export const efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const;
export type Effort = (typeof efforts)[number];

/** How much the model shall think: `effort`, or at most `budgetTokens`, or as it sees fit. */
export type ReasoningWish = {
  effort?: Effort;
  budgetTokens?: number;
  /** The model decides (Anthropic's `adaptive`, Gemini's budget of -1). */
  adaptive?: true;
  /** Whether its thoughts shall be shown: not at all, or as a summary of this length. undefined: as the target does. */
  show?: "none" | "auto" | "concise" | "detailed";
};

/** A request for the next turn of a conversation. What is undefined was not asked for. */
export type ChatRequest = {
  /** As the client named it. */
  model: string;
  stream: boolean;
  /** The client wants usage in its stream. */
  streamUsage: boolean;
  turns: Turn[];
  tools: Tool[];
  toolChoice?: ToolChoice;
  parallelTools?: boolean;
  output?: OutputFormat;
  reasoning?: ReasoningWish;
  /** Over text and reasoning, of one answer. */
  maxOutputTokens?: number;
  temperature?: number;
  topP?: number;
  topK?: number;
  minP?: number;
  stop?: string[];
  seed?: number;
  frequencyPenalty?: number;
  presencePenalty?: number;
  logitBias?: Record<string, number>;
  /** Log probabilities of the output, with this many alternatives for each token. */
  logprobs?: { top: number };
  /** How many answers. */
  choices?: number;
  /** Each answer begins with the text that was asked (legacy completions). */
  echo?: true;
  verbosity?: string;
  /** What the answer may be made of: `text`, `audio`, `image`. */
  modalities?: string[];
  audio?: Record<string, unknown>;
  serviceTier?: string;
  /** Who the end user is, for the provider's abuse checks. */
  user?: string;
  metadata?: Record<string, string>;
  promptCacheKey?: string;
  /** Fields of the client's protocol that have no name here: rendered to that protocol only, a declared loss elsewhere. */
  rest: { protocol: string; fields: Record<string, unknown> };
  /** Fields within its messages and tools that nobody reads: lost wherever it is told anew. */
  unread?: Loss[];
  /** What must not be lost of it: a deployment that cannot be told this is not asked. */
  needed?: Loss[];
};

/** Why an answer ended. `raw` is the provider's own word. */
export type Finish = {
  unified: "stop" | "length" | "tool-calls" | "content-filter" | "error" | "other";
  raw?: string;
  /** Which of the stop sequences it was. */
  stopSequence?: string;
};

export type Choice = { parts: Part[]; finish: Finish };

/** A whole answer. `usage` undefined: the provider did not say, which is not zero. */
export type ChatResponse = {
  id?: string;
  /** As the provider names it. */
  model?: string;
  /** Unix seconds. */
  createdAtS?: number;
  choices: Choice[];
  usage?: Usage;
  serviceTier?: string;
  /** What the provider says it cost, nano-USD. */
  reportedNanoUsd?: number;
  /** An error inside an answer whose status was 200. */
  error?: ChatError;
};

/** An error as a provider words it. `status`: the HTTP status that it has or would have had. */
export type ChatError = { status: number; message: string; code?: string };
