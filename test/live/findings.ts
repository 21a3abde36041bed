/** What the drivers find, one JSON object a line. */
export type Tokens = { inputTokens: number; outputTokens: number };

/** A call that Forge has answered. */
export type Call = {
  call: string;
  id: string;
  prompt: string;
  answer: string;
  /** What the model's server reported; null when it said nothing, as in its streams. */
  usage: Tokens | null;
  /** What it reported for the same call unstreamed. */
  known?: Tokens;
  /** How the ledger should say it ended; absent = complete. */
  end?: string;
  seconds?: number;
  directSeconds?: number;
  /** true: one of many, not worth a place in the transcript. */
  quiet?: boolean;
};
export type Check = { check: string; ok: boolean; detail: string };
export type FirstByte = { firstByte: true; directMs: number[]; forgeMs: number[] };
export type Finding = Call | Check | FirstByte;
