/** Keys as pages know them: the visitor's organisation's, what their plan gives them, and how they were used. */
import { getKey, type KeyRecord } from "../accounts/key-record.ts";
import { agreementOf } from "../accounts/organisation-budgets.ts";
import { createKeyOnce, type NewKey } from "../accounts/keys.ts";
import type { Limits } from "../accounts/policy.ts";
import { GatewayError } from "../errors.ts";
import { keyDays, lastUsed } from "../ledger/index.ts";
import { digitsAfter } from "./once.ts";
import type { MemberVisit } from "./visit.ts";

const dayMs = 86_400_000;
/** Days that a spark-line tells. */
export const sparkDays = 14;

/** A key of the visitor's organisation; a foreign one is not there. Throws `not_found`. */
export async function ownKey({ env, membership }: MemberVisit, id: string): Promise<KeyRecord> {
  const key = await getKey(env.DB, id.slice(0, 100));
  if (!key || key.organisationId !== membership.organisationId) throw new GatewayError("not_found", "There is no such key.");
  return key;
}

/** A key made by a form: the same form again makes nothing, and has no secret. */
export async function keyByForm(visit: MemberVisit, once: string, wanted: Omit<NewKey, "organisationId" | "prefix">): Promise<{ key: KeyRecord; secret: string | undefined }> {
  const { env, isolate: { settings: { KEY_PEPPER: pepper, KEY_PREFIX: prefix } }, by, membership: { organisationId } } = visit;
  return createKeyOnce(env.DB, by, pepper, { ...wanted, organisationId, prefix }, `key_${await digitsAfter(visit, "key", once)}`);
}

/** What a form says that has made its key before. */
export const keyIsThere = "This form was sent before, and its key is there. Its secret was shown that one time: rotate the key if it is lost.";

/** What the plan of the visitor's organisation gives each key. */
export const planOf = async ({ env, membership }: MemberVisit): Promise<Limits> => (await agreementOf(env.DB, membership.organisationId)).plan.limits;

/** Every name that an allow-list can have here: models that a provider which is set up serves, and aliases of everybody's and of one's own. */
export async function modelNames({ isolate, membership, nowMs, c }: MemberVisit): Promise<string[]> {
  const catalog = await isolate.catalog.get(nowMs, (promise) => c.executionCtx.waitUntil(promise));
  const served = catalog.deployments.filter(({ provider }) => isolate.endpoints.has(provider)).flatMap(({ name, model }) => [model.id, name]);
  const aliases = [...catalog.aliases.keys()].flatMap((key) => {
    const [organisation, name] = [key.slice(0, key.indexOf("/")), key.slice(key.indexOf("/") + 1)];
    return organisation === "" || organisation === membership.organisationId ? [name] : [];
  });
  const { models } = await isolate.selfHosted.get(nowMs, (promise) => c.executionCtx.waitUntil(promise));
  return [...new Set([...aliases, ...models, ...served])].sort();
}

/** How a key was used of late. `requests`, `nanoUsd`: by day (UTC), oldest first, the last is today. */
export type Use = { lastMs: number | undefined; requests: readonly number[]; nanoUsd: readonly number[] };

/** The use of these keys, by id. */
export async function usesOf({ env, membership: { organisationId }, nowMs }: MemberVisit, keyIds: readonly string[]): Promise<ReadonlyMap<string, Use>> {
  const first = Math.floor(nowMs / dayMs) - sparkDays + 1;
  const [last, days] = await Promise.all([lastUsed(env.DB, organisationId, keyIds), keyDays(env.DB, organisationId, keyIds, first)]);
  const by = new Map(days.map((one) => [`${one.keyId} ${one.day}`, one]));
  const told = (id: string, what: "requests" | "nanoUsd"): number[] => Array.from({ length: sparkDays }, (_, i) => by.get(`${id} ${first + i}`)?.[what] ?? 0);
  return new Map(keyIds.map((id) => [id, { lastMs: last.get(id), requests: told(id, "requests"), nanoUsd: told(id, "nanoUsd") }]));
}
