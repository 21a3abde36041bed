/** In whose name pages ask: a key of the organisation that the person chooses, or their own of the Playground, which is made on first use and has no secret. */
import { encodeBase62 } from "../accounts/base62.ts";
import { ensureSecretlessKey } from "../accounts/keys.ts";
import { getKey, listLiveKeys, type KeyRecord } from "../accounts/key-record.ts";
import { keyPolicySchema, type KeyPolicy } from "../accounts/policy.ts";
import { callerOf, look, newRequestId, type RequestContext } from "../pipeline/index.ts";
import { ownKey } from "./own-key.ts";
import type { MemberVisit } from "./visit.ts";

/** So many keys can be chosen from, the newest. */
const mostChoices = 200;

/** The id of a member's Playground key: always the same, so that two first uses at once make one key. */
export async function playgroundKeyId(organisationId: string, email: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`playground\n${organisationId}\n${email}`));
  const view = new DataView(hash);
  return `key_${encodeBase62((view.getBigUint64(0) << 64n) | view.getBigUint64(8), 24)}`;
}

/** Usage and budgets by member go by the person; a budget of the tag holds for all who try. What is no address to a policy is left out. */
const policyOf = (email: string): KeyPolicy => {
  const tags = ["playground"];
  return keyPolicySchema.safeParse({ member: email, tags }).data ?? keyPolicySchema.parse({ tags });
};

/** The key that is meant: a chosen one by its id, or by nothing the person's own, which comes to be here. Throws `not_found`. */
export async function keyFor(visit: MemberVisit, chosen: string): Promise<KeyRecord> {
  if (chosen !== "") return ownKey(visit, chosen);
  const { env, by, person: { email }, membership: { organisationId } } = visit;
  const id = await playgroundKeyId(organisationId, email);
  return (await getKey(env.DB, id)) ?? ensureSecretlessKey(env.DB, by, { id, organisationId, name: `Playground of ${email}`.slice(0, 100), policy: policyOf(email) });
}

/** The same, where it is there already. */
export async function keyIfThere(visit: MemberVisit, chosen: string): Promise<KeyRecord | undefined> {
  return chosen !== "" ? ownKey(visit, chosen) : getKey(visit.env.DB, await playgroundKeyId(visit.membership.organisationId, visit.person.email));
}

/** Keys that can be asked with now, as a choice. */
export async function keyChoices({ env, membership: { organisationId }, nowMs }: MemberVisit): Promise<(readonly [id: string, name: string])[]> {
  const keys = await listLiveKeys(env.DB, { organisationId, disabled: false }, { offset: 0, limit: mostChoices });
  return keys.filter(({ expiresAtMs }) => expiresAtMs === null || expiresAtMs > nowMs).map(({ id, name, secrets }) => [id, secrets[0] ? `${name} (${secrets[0].hint})` : name] as const);
}

/** A request in a key's name. */
export const inNameOf = ({ c, isolate }: MemberVisit, keyId: string, request = c.req.raw, requestId = newRequestId()): RequestContext =>
  ({ request, isolate, requestId, startedAtMs: Date.now(), keyId, waitUntil: (promise) => c.executionCtx.waitUntil(promise) });

/** Throws where a key may ask for nothing now, as its meter knows. */
export async function mayAsk(visit: MemberVisit, keyId: string): Promise<void> {
  const context = inNameOf(visit, keyId);
  await look(context, await callerOf(context));
}
