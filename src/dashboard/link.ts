/** The link with which a person chooses a password: their first one, or a new one. */
import { isKnownPerson } from "../accounts/people.ts";
import type { Settings } from "../env.ts";
import { admits } from "./admission.ts";
import { authOf, type Auth } from "./auth.ts";

/** Makes the account if there is none yet and may be one, then sends its link. Without a `name` no account is made. Returns whether a link was sent. */
export async function sendLink(env: Cloudflare.Env, settings: Settings, auth: Auth, { email, name }: { email: string; name: string | undefined }): Promise<boolean> {
  if (!(await isKnownPerson(env.DB, email))) {
    if (name === undefined || !(await admits(env.DB, settings, email))) return false;
    // A password that nobody knows: the link replaces it, and proves the address by that.
    const password = crypto.getRandomValues(new Uint8Array(32)).toHex();
    await auth.api.signUpEmail({ body: { name, email, password } });
  }
  await auth.api.requestPasswordReset({ body: { email } });
  return true;
}

/** The link itself, for an administrator to hand over where no e-mail can be sent; undefined when this address may have no account. */
export async function linkFor(env: Cloudflare.Env, settings: Settings, origin: string, person: { email: string; name: string }): Promise<string | undefined> {
  let link: string | undefined;
  const auth = await authOf(env, settings, origin, { onLink: (url) => (link = url) });
  await sendLink(env, settings, auth, person);
  return link;
}
