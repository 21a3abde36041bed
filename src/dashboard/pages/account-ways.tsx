/** Changing how one signs in: the password, names of passkeys, accounts elsewhere. Whoever signed in long ago signs in again first, or gives the password. */
import * as z from "zod";
import { forgetAttempts } from "../../accounts/attempts.ts";
import { recordOwn } from "../../accounts/audit.ts";
import { namePasskey, removePasskey, unlinkAccount } from "../../accounts/sign-in-ways.ts";
import { passwordLength, providersOf } from "../auth.ts";
import { tellChange } from "../change.ts";
import { nameField, readForm } from "../form.ts";
import { guesses, guessing, starting } from "../limits.ts";
import { providerNames, type ProviderName } from "../providers.ts";
import { attempt } from "../settings.tsx";
import { go, isFresh, keep, person, type PersonVisit } from "../visit.ts";
import { accountPage, byThemselves, path, refused, signInAgain } from "./account.tsx";

const passwordSchema = z.object({
  present: z.string("Fill this in.").min(1, "Fill this in.").max(passwordLength.max, "That is longer than any password here."),
  password: z.string("Fill this in.").min(passwordLength.min, `At least ${passwordLength.min} characters.`).max(passwordLength.max, `At most ${passwordLength.max} characters.`),
});
const idSchema = z.object({ id: z.string().min(1).max(64) });
const namedSchema = idSchema.extend({ name: nameField(60) });

/** One of somebody's own, among what opens anything here. */
const own = ({ person: { id: personId }, isolate }: PersonVisit, id: string) => ({ personId, id, providers: Object.keys(providersOf(isolate.settings)) });

/** Takes a way to sign in away. */
async function take(visit: PersonVisit, away: typeof unlinkAccount, done: string): Promise<Response> {
  if (!isFresh(visit)) return signInAgain(visit);
  const form = await readForm(visit, idSchema);
  if (!form.ok) return refused(visit, "Say which.");
  return attempt(async () => {
    await away(visit.env.DB, byThemselves(visit), own(visit, form.data.id));
    tellChange(visit, "A way to sign in to your account on Forge was taken away.");
    return go(visit, path, done);
  }, (told) => accountPage(visit, told));
}

export const accountWays = [
  person("POST", `${path}/password`, async (visit) => {
    const form = await readForm(visit, passwordSchema);
    if (!form.ok) return accountPage(visit, { typed: { values: {}, errors: form.errors } });
    const { env, person: { email }, auth, c } = visit;
    const minutes = await guessing(visit, email);
    if (minutes > 0) return accountPage(visit, { problem: `Too many tries. Wait ${minutes} ${minutes === 1 ? "minute" : "minutes"}.`, status: 429 });
    const body = { currentPassword: form.data.present, newPassword: form.data.password, revokeOtherSessions: true };
    const changed = await auth.api.changePassword({ body, headers: c.req.raw.headers, returnHeaders: true }).catch(() => undefined);
    if (!changed) return accountPage(visit, { typed: { values: {}, errors: { present: "This is not your present password." } } });
    await forgetAttempts(env.DB, guesses(email));
    await recordOwn(env.DB, byThemselves(visit), { action: "person.password", subject: email, detail: { by: "present password" } });
    keep(visit, changed.headers);
    tellChange(visit, "The password of your account on Forge was changed.");
    return go(visit, path, "Your password is changed. All other sessions are over.");
  }),

  person("POST", `${path}/passkeys/name`, async (visit) => {
    const form = await readForm(visit, namedSchema);
    if (!form.ok) return refused(visit, "A passkey's name has 1 to 60 characters.");
    return attempt(async () => {
      await namePasskey(visit.env.DB, byThemselves(visit), own(visit, form.data.id), form.data.name);
      return go(visit, path, `The passkey is called ${form.data.name} now.`);
    }, (told) => accountPage(visit, told));
  }),

  person("POST", `${path}/passkeys/remove`, (visit) => take(visit, removePasskey, "The passkey is removed: it opens nothing here any more.")),
  person("POST", `${path}/unlink`, (visit) => take(visit, unlinkAccount, "The account is not linked any more.")),

  person("POST", `${path}/link/:provider`, async (visit) => {
    if (!isFresh(visit)) return signInAgain(visit);
    if ((await starting(visit)) > 0) return accountPage(visit, { problem: "Too many tries. Wait a quarter of an hour.", status: 429 });
    const provider = z.enum(Object.keys(providerNames) as [ProviderName]).safeParse(visit.c.req.param("provider")).data;
    if (!provider || !(provider in providersOf(visit.isolate.settings))) return refused(visit, "That way to sign in is not set up here.");
    const body = { provider, callbackURL: `/dashboard${path}`, errorCallbackURL: `/dashboard${path}` };
    const { headers, response } = await visit.auth.api.linkSocialAccount({ body, headers: visit.c.req.raw.headers, returnHeaders: true });
    keep(visit, headers);
    return visit.c.redirect(response.url, 303);
  }),
];
