/** Whether an organisation keeps the bodies of its requests, and for how many days: it does not unless its people want it. */
import type { By } from "./audit.ts";
import { changeSetting, settingOf } from "./organisation-settings.ts";
import type { KeyStanding } from "./policy.ts";

/** Days that bodies can be kept. */
export const mostBodyDays = 30;

/** For how many days; 0: not at all. Throws `not_found`. */
export const bodyDaysOf = (db: D1Database, organisationId: string): Promise<number> => settingOf(db, organisationId, "body_days");

/** Changes that. The keys must hear of it. Throws `not_found`. */
export const keepBodies = (db: D1Database, by: By, organisationId: string, days: number): Promise<KeyStanding[]> =>
  changeSetting(db, by, organisationId, ["body_days", days], { bodyDays: days });
