/** Signing in and out. */
import * as z from "zod";
import { forgetAttempts } from "../../accounts/attempts.ts";
import { passwordLength, providersOf } from "../auth.ts";
import { TextField, type Typed } from "../components/field.tsx";
import { OtherWays } from "../components/ways.tsx";
import { Notice, PageHeader, Submit } from "../components/parts.tsx";
import { emailField, nextField, readForm } from "../form.ts";
import { guesses, guessing, starting } from "../limits.ts";
import { passkeysAt } from "../passkeys.ts";
import { show } from "../page.tsx";
import { whyNot } from "../providers.ts";
import { anyone, go, keep, person, supersede, type Visit } from "../visit.ts";

const schema = z.object({ email: emailField, password: z.string("Fill this in.").min(1, "Fill this in.").max(passwordLength.max, "That is longer than any password here."), next: nextField });

type Told = { typed?: Typed; next?: string; problem?: string; status?: 401 | 422 | 429 };

/** The page to sign in on: for whoever is not, and for whoever has to show again who they are. */
export const signInPage = (visit: Visit, { typed = visit.person && { values: { email: visit.person.email } }, next, problem, status }: Told = {}) => show(visit, {
  title: "Sign in",
  status,
  ...(passkeysAt(visit.origin) && { islands: ["passkeys"] }),
  body: <>
    {visit.person ? <PageHeader title="Sign in again" lead="You change how you sign in, so show that it is you." /> : <PageHeader title="Sign in" lead={<>One key, one URL and one bill for every model. New here? <a href="/dashboard/sign-up">Create an account</a></>} />}
    {problem && <Notice tone="bad">{problem}</Notice>}
    <form method="post" action="/dashboard/sign-in" class="form">
      <input type="hidden" name="next" value={next} />
      <TextField name="email" label="E-mail" type="email" autocomplete={passkeysAt(visit.origin) ? "username webauthn" : "username"} from={typed} maxlength={254} />
      <TextField name="password" label="Password" type="password" autocomplete="current-password" from={typed} maxlength={passwordLength.max} />
      <Submit wide>Sign in</Submit>
    </form>
    <OtherWays settings={visit.isolate.settings} next={next} passkeys={passkeysAt(visit.origin)} />
    <p class="note"><a href="/dashboard/forgot">Forgot your password?</a></p>
  </>,
});

export const signIn = [
  anyone("GET", "/sign-in", (visit) => {
    const { next, error, again } = visit.c.req.query();
    const problem = error === undefined ? undefined : whyNot(error);
    if (visit.person && again === undefined) return go(visit, "", problem);
    return signInPage(visit, { next, problem });
  }),

  anyone("POST", "/sign-in", async (visit) => {
    const form = await readForm(visit, schema);
    const { next = "" } = form.values;
    if (!form.ok) return signInPage(visit, { typed: form, next, status: 422 });
    const { email, password } = form.data;
    const minutes = await guessing(visit, email);
    const typed = { values: { email } };
    if (minutes > 0) return signInPage(visit, { typed, next, status: 429, problem: `Too many tries. Wait ${minutes} ${minutes === 1 ? "minute" : "minutes"}, or ask for a link to choose a new password.` });
    const signed = await visit.auth.api.signInEmail({ body: { email, password }, headers: visit.c.req.raw.headers, returnHeaders: true }).catch(() => undefined);
    if (!signed) return signInPage(visit, { typed, next, status: 401, problem: "E-mail and password do not belong together." });
    await forgetAttempts(visit.env.DB, guesses(email));
    keep(visit, signed.headers);
    await supersede(visit, signed.headers);
    return go(visit, form.data.next);
  }),

  anyone("POST", "/sign-in/with/:provider", async (visit) => {
    const provider = z.enum(["github", "google"]).safeParse(visit.c.req.param("provider")).data;
    if (!provider || !(provider in providersOf(visit.isolate.settings))) return go(visit, "/sign-in", "That way to sign in is not set up here.");
    if ((await starting(visit)) > 0) return signInPage(visit, { status: 429, problem: "Too many tries. Wait a quarter of an hour, or sign in another way." });
    const form = await readForm(visit, z.object({ next: nextField }));
    const body = { provider, callbackURL: `/dashboard${form.ok ? form.data.next : ""}`, newUserCallbackURL: "/dashboard/welcome", errorCallbackURL: "/dashboard/sign-in" };
    const { headers, response } = await visit.auth.api.signInSocial({ body, headers: visit.c.req.raw.headers, returnHeaders: true });
    keep(visit, headers);
    return visit.c.redirect(response.url!, 303);
  }),
  anyone("GET", "/auth/callback/:provider", async (visit) => {
    const response = await visit.auth.handler(visit.c.req.raw);
    await supersede(visit, response.headers);
    return response;
  }),

  person("POST", "/sign-out", async (visit) => {
    const { headers } = await visit.auth.api.signOut({ headers: visit.c.req.raw.headers, returnHeaders: true });
    keep(visit, headers);
    return go(visit, "/sign-in", "You are signed out.");
  }),
];
