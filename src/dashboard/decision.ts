/** What is decided about an application, by an operator's page or by the admin API: the applicant hears of it. */
import { decide, getApplication, type Application } from "../accounts/applications.ts";
import type { By } from "../accounts/audit.ts";
import type { Settings } from "../env.ts";
import { sendMail } from "../mail.ts";
import { decisionMail } from "./mails.ts";

/** `origin`: of this gateway, as the applicant's browser sees it. */
type Room = { env: Cloudflare.Env; settings: Settings; origin: string; by: By };

/** Approves or declines. Decided the same way again it stays as it is, and nobody hears of it. `telling`: the e-mail on its way; it never fails. Throws `not_found`. */
export async function decideAndTell({ env, settings, origin, by }: Room, email: string, state: "approved" | "declined"): Promise<{ application: Application; changed: boolean; telling: Promise<unknown> }> {
  const before = await getApplication(env.DB, email);
  if (before?.state === state) return { application: before, changed: false, telling: Promise.resolve() };
  const application = await decide(env.DB, by, email, state);
  const telling = sendMail(env, settings, decisionMail({ to: email, name: application.name, approved: state === "approved", url: `${origin}/dashboard` }));
  return { application, changed: true, telling };
}
