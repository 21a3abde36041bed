/** Tells a person by e-mail that how they sign in has changed: who did it may have been somebody else. */
import { canMail, sendMail } from "../mail.ts";
import { changeMail } from "./mails.ts";
import type { PersonVisit } from "./visit.ts";

/** `what`: in a sentence. Nobody waits for it. */
export function tellChange({ env, isolate: { settings }, person: { email, name }, c }: PersonVisit, what: string): void {
  if (canMail(env, settings)) c.executionCtx.waitUntil(sendMail(env, settings, changeMail({ to: email, name, what })));
}
