/** What the gateway's own URLs answer. Nothing is read by these schemas but in a test: each of them reads an answer there (test/reference/answers.test.ts). */
import * as z from "zod";
import { budgetSchema, jointSchema } from "../accounts/budgets.ts";
import { houseRulesSchema } from "../accounts/demands.ts";
import { roles } from "../accounts/members.ts";
import { keyPolicySchema, limitsSchema, modelListSchema } from "../accounts/policy.ts";
import { retentionSchema } from "../accounts/retention.ts";
import { modelSchema } from "../routes/admin/models.ts";

const time = (): z.ZodType => z.iso.datetime();
const maybeTime = (): z.ZodType => z.iso.datetime().nullable();
const count = (): z.ZodNumber => z.int().min(0);
const word = (): z.ZodType => z.string().nullable();
const list = (of: z.ZodType) => z.strictObject({ data: z.array(of) });
const page = (of: z.ZodType) => z.strictObject({ data: z.array(of), next: z.string().nullable().meta({ description: "The cursor of the page behind this one." }) });

const totals = () => ({
  requests: count(), errors: count(), inputTokens: count(), cachedTokens: count(), cacheWriteTokens: count(), outputTokens: count(), reasoningTokens: count(), costNanoUsd: z.int(), costUsd: z.number(),
});
const by = (name: string) => z.array(z.strictObject({ [name]: word(), ...totals() }));

function usage() {
  const head = {
    object: z.literal("usage"), scope: z.enum(["key", "organisation"]), month: word(), from: time(), to: time(), asOf: time(), totals: z.strictObject(totals()),
    refused: z.strictObject({
      requests: count(), byCode: z.array(z.strictObject({ code: z.string(), requests: count() })), byKey: z.array(z.strictObject({ keyId: z.string(), name: word(), requests: count() })),
      byDay: z.array(z.strictObject({ day: z.string(), requests: count() })),
    }).nullable().meta({ description: "Requests that were refused before any provider was asked. They are not among `totals`. null: narrowed down to a model or an application, by which refusals are not counted." }),
    forecast: z.looseObject({ month: z.string(), method: z.string(), costUsd: z.number(), lowUsd: z.number(), highUsd: z.number() }).nullable(),
  };
  return {
    Usage: z.strictObject({
      ...head, byModel: by("model"), byKey: z.array(z.strictObject({ keyId: z.string(), name: word(), ...totals() })), byDay: by("day"), byProject: by("project"), byMember: by("member"), byTag: by("tag"), byApp: by("app"),
    }),
    GroupedUsage: z.strictObject({ ...head, groupBy: z.array(z.string()), rows: z.array(z.looseObject(totals())) }),
  };
}

function organisations() {
  const organisation = z.strictObject({ id: z.string(), name: z.string(), plan: z.string(), sovereign: z.boolean(), headerCredentials: z.boolean(), createdAt: time(), suspended: z.strictObject({ since: time(), reason: z.string() }).nullable() });
  const member = z.strictObject({ email: z.string(), role: z.string(), createdAt: time() });
  const credential = z.strictObject({ provider: z.string(), only: z.boolean(), createdAt: time() });
  const issuer = z.strictObject({ issuer: z.string(), jwksUrl: word(), key: z.string(), createdAt: time() });
  const plan = z.strictObject({ id: z.string(), limits: limitsSchema, joint: jointSchema, models: z.array(z.string()).optional(), sovereign: z.boolean() });
  return {
    Organisation: organisation, OrganisationPage: page(organisation), Member: member, MemberList: list(member), Credential: credential, CredentialList: list(credential),
    TokenIssuer: issuer, TokenIssuerList: list(issuer), Plan: plan, PlanList: list(plan),
  };
}

function settings() {
  const targets = { roles: z.array(z.enum(roles)), webhookUrl: word(), keyShares: z.array(z.number()), secretRotatedAt: maybeTime() };
  return {
    HouseRules: houseRulesSchema, Retention: retentionSchema, AllowedModels: z.strictObject({ models: modelListSchema.nullable() }),
    AlertTargets: z.strictObject(targets), AlertSecret: z.strictObject({ ...targets, secret: z.string() }), AlertTest: z.strictObject({ heard: z.boolean() }),
  };
}

function money() {
  const budget = budgetSchema.extend({ id: z.string() });
  const entry = z.strictObject({ id: z.string(), at: time(), kind: z.string(), nanoUsd: z.int(), reason: z.string(), expiresAt: maybeTime() });
  const price = {
    provider: z.string(), upstreamId: z.string(), model: z.string(), class: z.string(), aboveTokens: count(), picoUsd: z.number(), usdPerMillion: z.number(), validFrom: time(), source: z.string(), inForce: z.boolean(),
  };
  const pool = z.strictObject({
    id: z.string(), name: z.string(), unit: z.enum(["nanoUsd", "tokens"]), window: z.string(), rolling: z.boolean(), limit: z.int().nullable(), spent: z.int(), held: z.int(), free: z.int(), since: maybeTime().optional(), until: maybeTime().optional(),
  });
  return {
    Account: z.strictObject({ prepaid: z.boolean(), paidUntil: maybeTime(), pools: z.array(pool) }), AccountTerms: z.strictObject({ prepaid: z.boolean(), paidUntil: maybeTime() }),
    Budget: budget, BudgetList: list(budget), CreditEntry: entry,
    Credits: z.strictObject({ prepaid: z.boolean(), totalNanoUsd: z.int(), spentNanoUsd: z.int(), heldNanoUsd: z.int(), freeNanoUsd: z.int(), data: z.array(entry) }),
    PriceList: list(z.strictObject(price)), AddedPrice: z.strictObject({ ...price, catalogFreshSeconds: count() }),
    Adjustment: z.strictObject({ id: z.string(), request: z.string(), key: z.string(), nanoUsd: z.int(), reason: z.string() }),
  };
}

function keys() {
  const key = {
    id: z.string(), organisation: z.string(), name: z.string(), hint: word(), policy: keyPolicySchema, version: count(), createdAt: time(), expiresAt: maybeTime(), revokedAt: maybeTime(),
    secrets: z.array(z.strictObject({ hint: z.string(), createdAt: time(), expiresAt: maybeTime() })),
  };
  const alias = z.strictObject({
    organisation: word(), name: z.string(), targets: z.array(z.union([z.string(), z.strictObject({ name: z.string(), weight: count() })])), pick: z.string(), hedges: z.boolean(), continues: z.boolean(),
  });
  const { confirm: _, ...facts } = modelSchema.shape;
  const known = { id: z.string(), ...facts, releasedAt: maybeTime() };
  const deployment = { provider: z.string(), upstreamId: z.string(), model: z.string(), serves: z.boolean(), edited: z.boolean(), published: word(), prices: count() };
  const model = { ...known, edited: z.boolean(), ours: z.boolean(), published: z.strictObject(known).nullable(), deployments: z.array(z.strictObject(deployment)) };
  const fresh = { catalogFreshSeconds: count() };
  return {
    CatalogModel: z.strictObject(model), CatalogModelPage: page(z.strictObject(model)), EditedCatalogModel: z.strictObject({ ...model, ...fresh }), EditedDeployment: z.strictObject({ ...deployment, ...fresh }),
    Key: z.strictObject(key), KeyPage: page(z.strictObject(key)), KeyWithSecret: z.strictObject({ ...key, secret: z.string() }), Alias: alias, AliasList: list(alias),
    AuditPage: page(z.strictObject({ id: z.string(), at: time(), actor: z.string(), action: z.string(), subject: z.string(), organisation: word(), detail: z.unknown() })),
  };
}

function requests() {
  const entry = z.looseObject({
    id: z.string(), at: z.int(), model: z.string(), deployment: z.string(), protocol: z.string(), stream: z.boolean(), status: z.int(), end: z.string(), usage: z.looseObject({}), costNanoUsd: z.int(), costSource: z.string(),
    estimated: z.boolean(), firstByteMs: z.number().nullable(), totalMs: z.number(), attempts: count(), errorCode: word(), lines: z.array(z.looseObject({})), responseHash: word(),
  });
  const refusedRequest = z.strictObject({
    id: z.string(), at: count(), keyId: z.string(), end: z.literal("refused"), status: z.int(), errorCode: z.string(), model: word(), protocol: z.string(), attempts: z.literal(0), costNanoUsd: z.literal(0),
    reason: z.string().meta({ description: "Why, in words." }), remedy: z.string().meta({ description: "What helps." }),
  });
  const receipt = z.strictObject({ entry: entry.extend({ keyId: z.string(), organisationId: z.string() }), chain: z.strictObject({ sequence: count(), previous: z.string(), hash: z.string() }), jws: z.string() });
  const model = z.strictObject({
    id: z.string(), object: z.literal("model"), created: z.int(), owned_by: z.string(), kind: z.string().optional(), context_length: z.int().nullable().optional(), max_output_tokens: z.int().nullable().optional(),
    input_modalities: z.array(z.string()).optional(), output_modalities: z.array(z.string()).optional(), capabilities: z.array(z.string()).nullable().optional(),
  });
  const attempt = z.strictObject({
    deployment: z.string(), model: word(), protocol: word(), own_key: z.boolean(), foreign_reasoning_left_out: z.boolean(),
    price: z.strictObject({ input: z.number(), cached_input: z.number(), output: z.number(), request: z.number() }).nullable(), estimated_cost: word(), most_cost: word(),
    context_length: z.int().nullable(), max_output_tokens: z.int().nullable(), health: z.strictObject({ state: z.string(), first_token_ms: z.looseObject({}).nullable(), tokens_per_second: z.number().nullable() }),
  });
  return {
    LedgerEntry: entry, RefusedRequest: refusedRequest, Receipt: receipt, ReceiptPage: page(receipt), ReceiptKeys: z.strictObject({ keys: z.array(z.looseObject({ kid: z.string() })) }),
    Model: model, ModelList: z.strictObject({ object: z.literal("list"), data: z.array(model) }),
    Route: z.strictObject({
      object: z.literal("route"), model: z.string(), sovereign: z.boolean(), pick: z.string(), session: z.strictObject({ id: z.string(), deployment: word() }).nullable(), needs: z.looseObject({}).nullable(),
      attempts: z.array(attempt), excluded: z.array(z.looseObject({ deployment: z.string(), reason: z.string() })), error: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
    }),
    Health: z.strictObject({ status: z.literal("ok") }),
  };
}

/** By the name of what is answered. Made when it is asked for. */
export const answerSchemas = () => ({ ...requests(), ...usage(), ...organisations(), ...settings(), ...money(), ...keys() });

export type AnswerName = keyof ReturnType<typeof answerSchemas>;
