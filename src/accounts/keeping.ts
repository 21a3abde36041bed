/** What an organisation keeps and for how long, in D1. */
import type { By } from "./audit.ts";
import { changeSettings, settingsOf } from "./organisation-settings.ts";
import type { KeyStanding } from "./policy.ts";
import { keepsOf, retentionSchema, type Keeps, type Retention } from "./retention.ts";

/** All of it. Throws `not_found`. */
export async function retentionOf(db: D1Database, organisationId: string): Promise<Retention> {
  const { retention, body_days: bodyDays } = await settingsOf<{ retention: string; body_days: number }>(db, organisationId, ["retention", "body_days"]);
  return retentionSchema.parse({ ...keepsOf(retention), bodyDays });
}

/** Sets all of it, for what is made from now on; without `bodyDays` bodies are kept as they were. The keys must hear of it. Throws `not_found`. */
export function putRetention(db: D1Database, by: By, organisationId: string, retention: Omit<Retention, "bodyDays"> & Partial<Pick<Retention, "bodyDays">>): Promise<KeyStanding[]> {
  const { bodyDays, ...rest } = retention;
  const keeps = Object.fromEntries(Object.entries(rest).filter(([, days]) => days !== null)) as Keeps;
  return changeSettings(db, by, organisationId, { retention: JSON.stringify(keeps), ...(bodyDays !== undefined && { body_days: bodyDays }) }, { retention });
}

/** For how many days bodies are kept; 0: not at all. Throws `not_found`. */
export const bodyDaysOf = async (db: D1Database, organisationId: string): Promise<number> => (await retentionOf(db, organisationId)).bodyDays;

/** Changes that alone. The keys must hear of it. Throws `not_found`. */
export const keepBodies = (db: D1Database, by: By, organisationId: string, days: number): Promise<KeyStanding[]> =>
  changeSettings(db, by, organisationId, { body_days: days }, { bodyDays: days });
