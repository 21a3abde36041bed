/** What an organisation demands of every request of its keys, over what a request says itself, and which models they may call at all. */
import type { By } from "./audit.ts";
import { allowedModelsOf, rulesOf, type HouseRules } from "./demands.ts";
import { changeSettings, settingsOf } from "./organisation-settings.ts";
import type { KeyStanding } from "./policy.ts";

/** The rules of an organisation. Throws `not_found`. */
export const getRules = async (db: D1Database, organisationId: string): Promise<HouseRules> => rulesOf((await settingsOf<{ rules: string }>(db, organisationId, ["rules"])).rules);

/** Sets them, from the next request of every key on. Throws `not_found`. */
export const putRules = async (db: D1Database, by: By, organisationId: string, rules: HouseRules): Promise<{ standings: KeyStanding[] }> =>
  ({ standings: await changeSettings(db, by, organisationId, { rules: JSON.stringify(rules) }, { rules }) });

/** Models and aliases that its keys may call; undefined: all. Throws `not_found`. */
export const getAllowedModels = async (db: D1Database, organisationId: string): Promise<string[] | undefined> => allowedModelsOf((await settingsOf<{ models: string | null }>(db, organisationId, ["models"])).models);

/** Sets them, from the next request of every key on. Throws `not_found`. */
export const putAllowedModels = (db: D1Database, by: By, organisationId: string, models: readonly string[] | undefined): Promise<KeyStanding[]> =>
  changeSettings(db, by, organisationId, { models: models ? JSON.stringify(models) : null }, { models: models ?? null });
