/** Creating an account, and the link to a password: for an address that is known here and one that is not, all that is told is the same. */
import * as z from "zod";
import { log } from "../../telemetry/log.ts";
import { authOf, passwordLength } from "../auth.ts";
import { Steps } from "../components/steps.tsx";
import { TextField, type Typed } from "../components/field.tsx";
import { EmptyState, Notice, PageHeader, Submit } from "../components/parts.tsx";
import { Providers } from "../components/ways.tsx";
import { emailField, nameField, readForm } from "../form.ts";
import { asking } from "../limits.ts";
import { sendLink } from "../link.ts";
import { canMail } from "../../mail.ts";
import { show } from "../page.tsx";
import { anyone, go, keep, type Visit } from "../visit.ts";

const modes = {
  open: "A link to choose your password comes by e-mail.",
  approval: "Anybody may ask: you say what for, and somebody here decides.",
  closed: "Sign-up is by invitation: it works for addresses that an organisation has added.",
} as const;

type Told = { typed?: Typed; problem?: string; status?: 422 | 429 };
const tooMany = "Too many links were requested. Check your e-mail, or try again in an hour.";

const signUpPage = (visit: Visit, { typed, problem, status }: Told = {}) => {
  const { settings } = visit.isolate;
  return show(visit, {
    title: "Create an account",
    status,
    body: <>
      <Steps now={0} />
      <PageHeader title="Create an account" lead={<>{modes[settings.DASHBOARD_SIGN_UP]} Have one? <a href="/dashboard/sign-in">Sign in</a></>} />
      {problem && <Notice tone="bad">{problem}</Notice>}
      {!canMail(visit.env, settings) && <Notice tone="warn">This gateway cannot send e-mail yet. Whoever runs it has to set that up first.</Notice>}
      <form method="post" action="/dashboard/sign-up" class="form">
        <TextField name="name" label="Your name" autocomplete="name" from={typed} maxlength={100} />
        <TextField name="email" label="E-mail" type="email" autocomplete="email" from={typed} maxlength={254} />
        <Submit wide>Send me the link</Submit>
      </form>
      <Providers settings={settings} />
    </>,
  });
};

const forgotPage = (visit: Visit, { typed, problem, status }: Told = {}) => show(visit, {
  title: "Choose a new password",
  status,
  body: <>
    <PageHeader title="Choose a new password" lead="We send you a link that lets you." />
    {problem && <Notice tone="bad">{problem}</Notice>}
    <form method="post" action="/dashboard/forgot" class="form"><TextField name="email" label="E-mail" type="email" autocomplete="username" from={typed} maxlength={254} /><Submit wide>Send me the link</Submit></form>
    <p class="note"><a href="/dashboard/sign-in">Back to signing in</a></p>
  </>,
});

/** Nobody waits for the link, so nobody learns from how long it takes. */
const invite = ({ env, isolate, auth }: Visit, email: string, name: string | undefined): Promise<unknown> =>
  sendLink(env, isolate.settings, auth, { email, name }).catch((error: unknown) => log("error", "link_failed", { message: String(error) }));

const signUpSchema = z.object({ name: nameField(), email: emailField });
const forgotSchema = z.object({ email: emailField });
const passwordSchema = z.object({
  token: z.string().min(1).max(200),
  password: z.string("Fill this in.").min(passwordLength.min, `At least ${passwordLength.min} characters.`).max(passwordLength.max, `At most ${passwordLength.max} characters.`),
});

const passwordPage = (visit: Visit, token: string, told: Told = {}) => show(visit, {
  title: "Choose your password",
  status: told.status,
  body: <>
    <Steps now={1} />
    <PageHeader title="Choose your password" lead={`At least ${passwordLength.min} characters. A few words that only you would put together are best.`} />
    {told.problem && <Notice tone="bad">{told.problem} <a href="/dashboard/forgot">Send another link</a></Notice>}
    <form method="post" action="/dashboard/password" class="form">
      <input type="hidden" name="token" value={token} />
      <TextField name="password" label="New password" type="password" autocomplete="new-password" from={told.typed} minlength={passwordLength.min} maxlength={passwordLength.max} />
      <Submit wide>Set it and go on</Submit>
    </form>
  </>,
});

export const signUp = [
  anyone("GET", "/sign-up", (visit) => (visit.person ? go(visit, "") : signUpPage(visit))),
  anyone("POST", "/sign-up", async (visit) => {
    const form = await readForm(visit, signUpSchema);
    if (!form.ok) return signUpPage(visit, { typed: form, status: 422 });
    if ((await asking(visit, form.data.email)) > 0) return signUpPage(visit, { typed: form, status: 429, problem: tooMany });
    visit.c.executionCtx.waitUntil(invite(visit, form.data.email, form.data.name));
    return go(visit, "/sent");
  }),
  anyone("GET", "/forgot", (visit) => forgotPage(visit)),
  anyone("POST", "/forgot", async (visit) => {
    const form = await readForm(visit, forgotSchema);
    if (!form.ok) return forgotPage(visit, { typed: form, status: 422 });
    if ((await asking(visit, form.data.email)) > 0) return forgotPage(visit, { typed: form, status: 429, problem: tooMany });
    visit.c.executionCtx.waitUntil(invite(visit, form.data.email, undefined));
    return go(visit, "/sent");
  }),
  anyone("GET", "/sent", (visit) => show(visit, {
    title: "Check your e-mail",
    body: <>
      <Steps now={0} />
      <EmptyState icon="mail" title="Check your e-mail">
        If this address may have an account here, a link is on its way to it. It works once, for an hour.{visit.isolate.settings.DASHBOARD_MAIL === "console" && " This gateway runs on your machine: the e-mail is printed on its console."}
      </EmptyState>
      <p class="note"><a href="/dashboard/sign-in">Back to signing in</a></p>
    </>,
  })),
  anyone("GET", "/password", (visit) => passwordPage(visit, visit.c.req.query("token") ?? "")),
  anyone("POST", "/password", async (visit) => {
    const form = await readForm(visit, passwordSchema);
    const token = form.values.token ?? "";
    if (!form.ok) return passwordPage(visit, token, { typed: form, status: 422 });
    const { password } = form.data;
    let email = "";
    const auth = await authOf(visit.env, visit.isolate.settings, visit.origin, { onPassword: (person) => (email = person.email) });
    try {
      await auth.api.resetPassword({ body: { newPassword: password, token } });
    } catch {
      return passwordPage(visit, token, { status: 422, problem: "This link has been used or is too old." });
    }
    const { headers } = await auth.api.signInEmail({ body: { email, password }, headers: visit.c.req.raw.headers, returnHeaders: true });
    keep(visit, headers);
    return go(visit, "");
  }),
];
