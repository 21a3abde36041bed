/** What a key may do. Plans and keys share one shape of limits; a key inherits what it does not set. */
import { z } from "zod";

const limit = z.number().int().positive();

/** Limits of a plan or a key; absent = not limited (but see `defaultLimits`). Money is nano-USD (1e-9). */
export const limitsSchema = z.strictObject({
  requestsPerMinute: limit.optional(),
  tokensPerMinute: limit.optional(),
  concurrentRequests: limit.optional(),
  monthlyTokens: limit.optional(),
  monthlyNanoUsd: limit.optional(),
  /** All the money this key may ever spend; when it is gone the answer is 402. */
  budgetNanoUsd: limit.optional(),
});
export type Limits = z.infer<typeof limitsSchema>;

export const keyPolicySchema = z.strictObject({
  limits: limitsSchema.default({}),
  /** Models the key may call, as public names; `*` at an end matches the rest (`openai/*`). Absent = all. */
  models: z.array(z.string().min(1).max(200)).max(200).optional(),
  /** true: only self-hosted models, whatever the request says. */
  sovereign: z.boolean().default(false),
  /** Whose usage `GET /dashboard/usage` shows this key. */
  usageScope: z.enum(["key", "organisation"]).default("key"),
});
export type KeyPolicy = z.infer<typeof keyPolicySchema>;

/**
 * Who is calling, as the hot path needs it: read from D1 when cold, then kept in the isolate. `version` is the key's
 * version; the key's Durable Object tells when it is no longer the newest.
 */
export type Principal = {
  readonly keyId: string;
  readonly keyName: string;
  readonly organisationId: string;
  readonly version: number;
  /** The key's own limits over its plan's. `requestsPerMinute` is always set. */
  readonly limits: Limits & { requestsPerMinute: number };
  readonly models: readonly string[] | undefined;
  /** Key or organisation is sovereign. */
  readonly sovereign: boolean;
  readonly usageScope: "key" | "organisation";
  /** When the key or this secret of it ends, Unix ms. */
  readonly expiresAtMs: number | undefined;
  /** The organisation's own credentials, provider id → secret. */
  readonly credentials: ReadonlyMap<string, string>;
};
