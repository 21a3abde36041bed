/** What a key's Durable Object enforces, and the words it answers with. Plain data: it crosses RPC. */
import type { Pool } from "../accounts/budgets.ts";
import type { Limits } from "../accounts/policy.ts";
import type { ErrorCode } from "../errors.ts";
import type { RefusedRequest } from "../ledger/refusals.ts";
/** A key's limits as of one `version`. The object keeps the highest version it was ever given. */
export type MeterPolicy = {
  keyId: string;
  keyName?: string;
  /** At which shares of its own limits people are told; absent: as usual. */
  keyShares?: readonly number[];
  organisationId: string;
  version: number;
  enabled: boolean;
  /** true: its organisation is suspended. */
  suspended?: boolean;
  expiresAtMs?: number;
  /** When the organisation's subscription ends. */
  paidUntilMs?: number;
  /** What this key draws on together with others. */
  pools?: readonly Pool[];
  limits: Limits & { requestsPerMinute: number };
};

/** The most a request can use: an upper bound over every deployment it may be sent to. */
export type Estimate = { tokens: number; nanoUsd: number };

/** What a finished request really used, in the units that are summed. `outcome`: JSON text of the ledger's `Outcome`. */
export type Posting = {
  model: string;
  failed: boolean;
  inputTokens: number;
  cachedTokens: number;
  cacheWriteTokens: number;
  outputTokens: number;
  reasoningTokens: number;
  nanoUsd: number;
  outcome: string;
};

/** What a caller asks of the object. Every operation is idempotent by request id. `sessions`: how a conversation may be remembered, the surest first; `session`: where one ran. `owed`: it was let through before and has been answered, so neither the key's standing nor its limits are asked. `protocol`: the client's, of a request that is written down where it is refused; `refused`: one that the Worker has refused. */
export type MeterOperation =
  | { do: "reserve"; id: string; version: number; estimate: Estimate; model: string; sessions?: readonly string[] | undefined; owed?: true; protocol?: string }
  | { do: "settle"; id: string; posting: Posting; session?: { id: string; vital: string } | undefined }
  | { do: "release"; id: string }
  | { do: "renew"; id: string }
  | { do: "look"; version: number; refused?: Omit<RefusedRequest, "at"> };

export type RateState = { limit: number; remaining: number; /** Budgets that have passed a threshold: `project web 0.8`. */ warnings?: readonly string[] };

export type RefusalCode = Extract<
  ErrorCode,
  "key_revoked" | "key_expired" | "organisation_suspended" | "rate_limit_exceeded" | "token_rate_limit_exceeded" | "concurrency_limit_exceeded" | "quota_exceeded" | "insufficient_credits" | "subscription_expired" | "limiter_unavailable"
>;

/** A refusal with its evidence. `retryAfterSeconds` absent: waiting does not help. */
export type Refusal = { code: RefusalCode; message: string; retryAfterSeconds?: number; shouldRetry: boolean };

export type MeterReply =
  /** `stuck`: where the conversation ran before. */
  | { is: "granted"; rate: RateState; stuck?: string }
  | { is: "refused"; refusal: Refusal; rate: RateState }
  /** The caller's policy is older than the object's: read the key again. */
  | { is: "stale" }
  /** The object does not know this version yet: call again with the policy. */
  | { is: "unknown" }
  /** settle, release, renew: whether this call changed anything. */
  | { is: "done"; changed: boolean };
