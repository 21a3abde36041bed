/** What islands/passkeys.ts asks and sends: signing in with a passkey, and adding one. The library behind it is loaded here alone. */
import * as z from "zod";
import { recordOwn } from "../../accounts/audit.ts";
import { tellChange } from "../change.ts";
import { nextField, readForm } from "../form.ts";
import { starting } from "../limits.ts";
import { credentialField, passkeysAt } from "../passkeys.ts";
import { anyone, go, isFresh, keep, person, supersede, type Visit } from "../visit.ts";
import { path, refused, signInAgain } from "./account.tsx";
import { signInPage } from "./sign-in.tsx";

const signInSchema = z.object({ credential: credentialField, next: nextField });
const addSchema = z.object({ credential: credentialField });

async function passkeyAuth({ env, isolate, origin }: Visit) {
  const { passkeyAuthOf } = await import("../passkey-auth.ts");
  return passkeyAuthOf(env, isolate.settings, origin);
}

/** Answers what to ask the device. */
async function options(visit: Visit, ask: (auth: Awaited<ReturnType<typeof passkeyAuth>>, headers: Headers) => Promise<{ headers: Headers; response: object }>): Promise<Response> {
  if (!passkeysAt(visit.origin)) return visit.c.json({ problem: "Passkeys need a name of this gateway, not an IP address." }, 409);
  const minutes = await starting(visit);
  if (minutes > 0) return visit.c.json({ problem: `Too many tries. Wait ${minutes} ${minutes === 1 ? "minute" : "minutes"}.` }, 429);
  const { headers, response } = await ask(await passkeyAuth(visit), visit.c.req.raw.headers);
  keep(visit, headers);
  return visit.c.json(response);
}

export const passkeys = [
  anyone("POST", "/sign-in/passkey/options", (visit) => options(visit, async (auth) => {
    // Whoever is signed in already may come as somebody else: none of their own passkeys is asked for.
    const { headers: kept, response } = await auth.api.generatePasskeyAuthenticationOptions({ headers: new Headers(), returnHeaders: true });
    return { headers: kept, response: { ...response, userVerification: "required" } };
  })),

  anyone("POST", "/sign-in/passkey", async (visit) => {
    const form = await readForm(visit, signInSchema);
    const { next } = form.values;
    const minutes = await starting(visit);
    if (minutes > 0) return signInPage(visit, { next, status: 429, problem: `Too many tries. Wait ${minutes} ${minutes === 1 ? "minute" : "minutes"}.` });
    const { api } = await passkeyAuth(visit);
    const signed = form.ok && (await api.verifyPasskeyAuthentication({ body: { response: form.data.credential as never }, headers: visit.c.req.raw.headers, returnHeaders: true }).catch(() => undefined));
    if (!form.ok || !signed) return signInPage(visit, { next, status: 401, problem: "This passkey does not open anything here. It may have been removed, or taken too long." });
    keep(visit, signed.headers);
    await supersede(visit, signed.headers);
    return go(visit, form.data.next);
  }),

  person("POST", `${path}/passkeys/options`, (visit) => (isFresh(visit)
    ? options(visit, (auth, headers) => auth.api.generatePasskeyRegistrationOptions({ headers, returnHeaders: true }))
    : visit.c.json({ problem: "Sign in again first." }, 403))),

  person("POST", `${path}/passkeys`, async (visit) => {
    if (!isFresh(visit)) return signInAgain(visit);
    const form = await readForm(visit, addSchema);
    if (!form.ok) return refused(visit, "What came from the device could not be read.");
    const { api } = await passkeyAuth(visit);
    const added = await api.verifyPasskeyRegistration({ body: { response: form.data.credential }, headers: visit.c.req.raw.headers }).catch(() => undefined);
    if (!added) return refused(visit, "The passkey could not be added: it may have taken too long. Try again.");
    await recordOwn(visit.env.DB, { actor: visit.person.email, nowMs: visit.nowMs }, { action: "passkey.create", subject: visit.person.email, detail: { id: added.id, name: added.name } });
    tellChange(visit, "A passkey was added to your account on Forge.");
    return go(visit, path, "The passkey is added. Give it a name that you will know it by.");
  }),
];
