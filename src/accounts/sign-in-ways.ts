/** How a person may sign in: a password, passkeys, accounts elsewhere. better-auth adds them; the last one stays, whoever takes away two at the same time. */
import { GatewayError } from "../errors.ts";
import { auditIfChanged, type By } from "./audit.ts";

/** An account elsewhere. `provider`: `github`, `google`. */
export type LinkedAccount = { id: string; provider: string; sinceMs: number };
/** `isBackedUp`: whether a password manager keeps it, so that it outlives its device. */
export type Passkey = { id: string; name: string; isBackedUp: boolean; sinceMs: number };
export type SignInWays = { hasPassword: boolean; linked: LinkedAccount[]; passkeys: Passkey[] };

type AccountRow = { id: string; provider_id: string; created_at: string };
type PasskeyRow = { id: string; name: string | null; backed_up: number; created_at: string };

/** All ways of one person, oldest first. */
export async function signInWays(db: D1Database, personId: string): Promise<SignInWays> {
  const [accounts, passkeys] = await db.batch([
    db.prepare("SELECT id, provider_id, created_at FROM people_accounts WHERE person_id = ? ORDER BY created_at, id").bind(personId),
    db.prepare("SELECT id, name, backed_up, created_at FROM people_passkeys WHERE person_id = ? ORDER BY created_at, id").bind(personId),
  ]);
  const rows = accounts!.results as AccountRow[];
  return {
    hasPassword: rows.some(({ provider_id }) => provider_id === "credential"),
    linked: rows.filter(({ provider_id }) => provider_id !== "credential").map(({ id, provider_id, created_at }) => ({ id, provider: provider_id, sinceMs: Date.parse(created_at) })),
    passkeys: (passkeys!.results as PasskeyRow[]).map(({ id, name, backed_up, created_at }) => ({ id, name: name ?? "Passkey", isBackedUp: backed_up === 1, sinceMs: Date.parse(created_at) })),
  };
}

/** Whether person ?1 has a way beside the one with the id ?2. ?3: which kinds of accounts open anything here, as a JSON list. */
const anotherWay = `(
  EXISTS (SELECT 1 FROM people_accounts WHERE person_id = ?1 AND id <> ?2 AND provider_id IN (SELECT value FROM json_each(?3)))
  OR EXISTS (SELECT 1 FROM people_passkeys WHERE person_id = ?1 AND id <> ?2))`;

/** `providers`: which accounts elsewhere open anything here. */
type Whose = { personId: string; id: string; providers: readonly string[] };

async function remove(db: D1Database, by: By, { personId, id, providers }: Whose, table: "people_accounts" | "people_passkeys", action: "person.unlink" | "passkey.delete"): Promise<void> {
  const [removal] = await db.batch([
    db.prepare(`DELETE FROM ${table} WHERE person_id = ?1 AND id = ?2 AND ${anotherWay}`).bind(personId, id, JSON.stringify(["credential", ...providers])),
    auditIfChanged(db, by, { action, subject: by.actor, detail: { id } }),
  ]);
  if (removal!.meta.changes > 0) return;
  const isThere = (await db.prepare(`SELECT 1 FROM ${table} WHERE person_id = ? AND id = ?`).bind(personId, id).first()) !== null;
  if (isThere) throw new GatewayError("conflict", "This is your only way to sign in. Add another one first.");
  throw new GatewayError("not_found", "That is no way of yours to sign in any more.");
}

/** Takes an account elsewhere, or the password, from a person. Throws `conflict` where nothing else would be left, `not_found`. */
export const unlinkAccount = (db: D1Database, by: By, whose: Whose): Promise<void> => remove(db, by, whose, "people_accounts", "person.unlink");

/** Takes a passkey from a person, as `unlinkAccount` does. */
export const removePasskey = (db: D1Database, by: By, whose: Whose): Promise<void> => remove(db, by, whose, "people_passkeys", "passkey.delete");

/** Gives a passkey a name. Throws `not_found`. */
export async function namePasskey(db: D1Database, by: By, { personId, id }: Pick<Whose, "personId" | "id">, name: string): Promise<void> {
  const [named] = await db.batch([
    db.prepare("UPDATE people_passkeys SET name = ?3 WHERE person_id = ?1 AND id = ?2").bind(personId, id, name),
    auditIfChanged(db, by, { action: "passkey.update", subject: by.actor, detail: { id, name } }),
  ]);
  if (named!.meta.changes === 0) throw new GatewayError("not_found", "There is no such passkey any more.");
}
