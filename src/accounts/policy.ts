/** What a key may do. Plans and keys share one shape of limits; a key inherits what it does not set. */
import * as z from "zod";
import type { Pool } from "./budgets.ts";
import type { HouseRules } from "./demands.ts";
import type { Keeps } from "./retention.ts";

const name = z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$/, "1 to 64 letters, digits, _, . and -, beginning with a letter or digit");
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
export type EffectiveLimits = Limits & { requestsPerMinute: number };

/** What holds when neither key nor plan says otherwise. */
export const defaultLimits = { requestsPerMinute: 600 } as const;

/** What Atlassian allows an installation: https://developer.atlassian.com/platform/forge/platform-quotas-and-limits/ */
export const installationLimits = { requestsPerMinute: 100, tokensPerMinute: 500_000 } as const;

/** A key's own limits over its plan's over the defaults. */
export const effectiveLimits = (own: Limits, plan: Limits, installation?: string): EffectiveLimits => ({ ...defaultLimits, ...plan, ...(installation !== undefined && installationLimits), ...own });

/** Names that may be called, as public names; `*` at an end matches the rest (`openai/*`). Nothing in it: nothing may. */
export const modelListSchema = z.array(z.string().min(1).max(200)).max(200);

export const keyPolicySchema = z.strictObject({
  limits: limitsSchema.default({}),
  /** Models the key may call. Absent = all. */
  models: modelListSchema.optional(),
  /** true: only self-hosted models, whatever the request says. */
  sovereign: z.boolean().default(false),
  /** Whose usage `GET /dashboard/usage` shows this key. */
  usageScope: z.enum(["key", "organisation"]).default("key"),
  /** The project, the member (an e-mail address) and the tags of this key: budgets and usage views go by them. */
  project: name.optional(),
  member: z.email().max(200).optional(),
  tags: z.array(name).min(1).max(16).optional(),
  /** The installation of an Atlassian app that this key stands for; or, `installations: true`, it is the app's own and speaks for all of its organisation. */
  installation: name.optional(),
  installations: z.boolean().optional(),
  /**
   * When the client leaves before its answer is complete: `cancel` stops the upstream call and posts what was seen, `drain` reads on
   * for the exact usage as long as the runtime lets us. Absent: a stream is cancelled, a whole answer drained.
   */
  onDisconnect: z.enum(["cancel", "drain"]).optional(),
  /** true: it may make, change and end keys of its organisation (of its project, if it has one), none of which may do more than it. */
  managesKeys: z.boolean().optional(),
  /** true: it opens nothing until it is switched on again. */
  disabled: z.boolean().optional(),
});
export type KeyPolicy = z.infer<typeof keyPolicySchema>;

const limitPatch = limit.nullable().optional();

/** A change of a policy as a JSON merge patch (RFC 7396): what is absent stays, `null` takes a limit or the list away. */
export const keyPolicyPatchSchema = z.strictObject({
  limits: z.strictObject({
    requestsPerMinute: limitPatch,
    tokensPerMinute: limitPatch,
    concurrentRequests: limitPatch,
    monthlyTokens: limitPatch,
    monthlyNanoUsd: limitPatch,
    budgetNanoUsd: limitPatch,
  } satisfies Record<keyof Limits, unknown>).optional(),
  models: keyPolicySchema.shape.models.unwrap().nullable().optional(),
  sovereign: z.boolean().optional(),
  usageScope: z.enum(["key", "organisation"]).optional(),
  project: keyPolicySchema.shape.project.unwrap().nullable().optional(),
  member: keyPolicySchema.shape.member.unwrap().nullable().optional(),
  tags: keyPolicySchema.shape.tags.unwrap().nullable().optional(),
  installation: keyPolicySchema.shape.installation.unwrap().nullable().optional(),
  installations: z.boolean().nullable().optional(),
  onDisconnect: keyPolicySchema.shape.onDisconnect.unwrap().nullable().optional(),
  managesKeys: z.boolean().nullable().optional(),
  disabled: z.boolean().nullable().optional(),
} satisfies Record<keyof KeyPolicy, unknown>);
export type KeyPolicyPatch = z.infer<typeof keyPolicyPatchSchema>;

/** What a key may do at the moment, as the object that meters it must know it. */
export type KeyStanding = {
  keyId: string;
  keyName?: string;
  /** At which shares of its own limits people are told; absent: as usual. */
  keyShares?: readonly number[];
  organisationId: string;
  version: number;
  /** false: revoked, or switched off. */
  enabled: boolean;
  /** true: its organisation is suspended. */
  suspended?: boolean;
  expiresAtMs?: number;
  /** When the organisation's subscription ends. */
  paidUntilMs?: number;
  /** What the key draws on together with others. */
  pools?: readonly Pool[];
  limits: EffectiveLimits;
};

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
  readonly limits: EffectiveLimits;
  readonly models: readonly string[] | undefined;
  /** Models that the organisation's plan lets it call; absent = all. */
  readonly planModels?: readonly string[] | undefined;
  /** Models that the organisation itself lets its keys call; absent = all. */
  readonly organisationModels?: readonly string[] | undefined;
  /** Key or organisation is sovereign. */
  readonly sovereign: boolean;
  /** false: the plan has no sovereign requests. */
  readonly maySovereign?: boolean;
  readonly paidUntilMs?: number | undefined;
  readonly pools?: readonly Pool[];
  readonly usageScope: "key" | "organisation";
  readonly onDisconnect?: KeyPolicy["onDisconnect"];
  readonly managesKeys?: boolean | undefined;
  /** When the key or this secret of it ends, Unix ms. */
  readonly expiresAtMs: number | undefined;
  /** When the key itself ends: what its meter enforces. A secret in its grace period ends earlier than its key. */
  readonly keyExpiresAtMs?: number;
  /** The organisation's own credentials by provider. */
  readonly credentials: ReadonlyMap<string, Credential>;
  /** The installation of an Atlassian app that it stands for; `installations`: it speaks for all of its organisation. */
  readonly installation?: string | undefined;
  readonly installations?: boolean | undefined;
  /** true: a request may bring credentials of its own in a header. */
  readonly bringsKeys?: boolean;
  /** What its organisation demands of every request. */
  readonly rules?: HouseRules;
  /** For how many days the bodies of its requests are kept. Absent: they are not. */
  readonly bodyDays?: number;
  /** At which shares of its own limits people are told; absent: as usual. */
  readonly keyShares?: readonly number[] | undefined;
  /** For how many days its organisation has what else is kept, where it says so. */
  readonly keeps?: Keeps;
};

/** An organisation's own credential at a provider. `only`: the installation's is never used in its place. */
export type Credential = { readonly secret: string; readonly only: boolean };

/** Whether a limit on money is in force: then nothing may be called that has no price. */
export const countsMoney = ({ limits, pools = [] }: Principal): boolean =>
  limits.budgetNanoUsd !== undefined || limits.monthlyNanoUsd !== undefined || pools.some(({ unit }) => unit === "nanoUsd");
