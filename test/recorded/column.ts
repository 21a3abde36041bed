/** A column of the translation table: one client protocol that the recordings' own checker does not drive. */
import type { Recording } from "./compare.ts";

/** A line of the recordings' index. */
export type Row = { id: string; provider: string; endpoint: string; stream: boolean; format: string; status: number; res_bytes: number; features: string[]; direct?: string[] };

export type Call = { id?: string | null; name: string; args: string };
/** Tokens by class; `output` holds the reasoning, `input` what was cached. */
export type Counts = Partial<Record<"input" | "output" | "total" | "cached" | "cache_write" | "reasoning" | "audio_in" | "audio_out", number | null>>;

type Modality = { modality?: string; tokenCount?: number };
/** The provider's own usage: what is read of it beside `usage_norm`. */
export type RecordedUsage = {
  prompt_tokens_details?: { audio_tokens?: number } | null;
  completion_tokens_details?: { audio_tokens?: number } | null;
  promptTokensDetails?: Modality[];
  candidatesTokensDetails?: Modality[];
};

/** What the provider said, as the recordings have it. `input_alt`: the count with or without what a tool put in. */
export type Expected = {
  text?: string | null;
  reasoning?: string | null;
  refusal?: string | null;
  tool_calls?: Call[] | null;
  finish?: string | null;
  finish_norm?: string | null;
  usage?: RecordedUsage | null;
  usage_norm?: (Counts & { input_alt?: number | null }) | null;
  error?: { message?: string } | null;
};
export type Exchange = Omit<Recording, "expected"> & { expected?: Expected };

/** What a client read of an answer. */
export type Answer = { text: string; reasoning: string; calls: Call[]; finish?: string | undefined; usage?: Counts | undefined };
export const nothingRead = (): Answer => ({ text: "", reasoning: "", calls: [] });

/** Tokens of audio in a list of counts by modality. */
export const audioIn = (counts: readonly Modality[] = []): number => counts.reduce((sum, { modality, tokenCount = 0 }) => sum + (modality === "AUDIO" ? tokenCount : 0), 0);

/** How a client reaches the gateway; `fetch` keeps what came over the wire. */
export type Gateway = { url: string; secret: string; headers: Record<string, string>; fetch: typeof fetch };
export type Question = { model: string; prompt: string; tools: string[]; stream: boolean };

/** An event of a stream; `unterminated`: no blank line came behind it. */
export type Frame = { data: string; unterminated?: boolean };

/** The JSON value of a text; undefined: it is none. */
export function valueIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const isObject = (value: unknown): value is object => typeof value === "object" && value !== null && !Array.isArray(value);
/** The object that an event holds; undefined: none. Its fields are still to be looked at. */
export function objectIn<T extends object>({ data }: Frame): T | undefined {
  const value = valueIn(data);
  return isObject(value) ? (value as T) : undefined;
}

/** true: as expected. soft: the meaning is there, its form is not. */
export type Mark = boolean | "soft";
export type Finish = "stop" | "length" | "tool_calls" | "content_filter";

export type Column = {
  /** false: this protocol cannot hold such an exchange. */
  takes(row: Row): boolean;
  /** Asks as the vendor's own SDK does and reads what it makes of the answer. Throws what it throws. */
  ask(gateway: Gateway, question: Question): Promise<Answer>;
  /** What is wrong with a stream's frames. `counted`: the provider told its usage. */
  grammar(frames: readonly Frame[], counted: boolean): string[];
  /** Whether an error's body has the vendor's shape. */
  errorShape(body: unknown): Mark;
  /** The vendor's schemas of a whole answer and of a stream's event, where it has one for that. */
  schema: { spec: string; whole: string; event?: string };
  /** Finish words by what they mean. */
  finishes: Record<Finish, readonly string[]>;
  /** The `rules` for what this protocol has no word for. */
  narrowed: readonly RuleName[];
};

/** Where a comparison is narrower than the recording, and why. */
export const rules = {
  "refusal is text": "the protocol has no refusals: their words come as text",
  "no reasoning": "the protocol has no place for reasoning: only its tokens are told",
  "no finish for calls": "the protocol ends as usual when tools are to be called: the calls themselves say so",
  "no ids": "a call may have no id, and the provider gave none",
  "writes are input": "the protocol has no count of cache writes: they are in the input",
  "input wrapped": "calls have objects as arguments: an input that is none stands under `input`",
} as const;
export type RuleName = keyof typeof rules;
