/** Who may sign up, and who may found an organisation: DASHBOARD_SIGN_UP. */
import { invitationsTo } from "../accounts/invitations.ts";
import { getApplication, type Application } from "../accounts/applications.ts";
import { membershipsOf } from "../accounts/members.ts";
import { foundedBy } from "../accounts/organisations.ts";
import type { Settings } from "../env.ts";
import type { PersonVisit } from "./visit.ts";

/** Organisations that one person may found. */
export const mostFounded = 3;

/** Whether an account may come to be for this address. */
export const admits = async (db: D1Database, settings: Settings, email: string): Promise<boolean> =>
  settings.DASHBOARD_SIGN_UP !== "closed" || (await membershipsOf(db, email)).length > 0 || (await invitationsTo(db, email, Date.now())).length > 0;

export type Founding = { may: true } | { may: false; why: "closed" | "enough" } | { may: false; why: "apply" | "waiting" | "declined"; application?: Application };

/** Whether this person may found an organisation now. */
export async function founding({ env, isolate, person }: PersonVisit): Promise<Founding> {
  if ((await foundedBy(env.DB, person.email)) >= mostFounded) return { may: false, why: "enough" };
  const { DASHBOARD_SIGN_UP: mode } = isolate.settings;
  if (mode === "open") return { may: true };
  if (mode === "closed") return { may: false, why: "closed" };
  const application = await getApplication(env.DB, person.email);
  if (application?.state === "approved") return { may: true };
  return { may: false, why: application?.state ?? "apply", application };
}
