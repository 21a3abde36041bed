/** How the Worker comes to a thread: its object, and what opens what lies there. */
import { secretFromRequest, type Principal } from "../accounts/index.ts";
import { isWish, type RequestContext } from "../pipeline/index.ts";
import { isSovereign } from "./names.ts";
import type { Thread } from "./stored.ts";
import { Vault, type Opener } from "./vault.ts";

export type Access = { readonly thread: string; readonly object: Thread; readonly opener: Opener; readonly vault: Vault };

const encoder = new TextEncoder();
const sha256 = async (text: string): Promise<string> => new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text))).toHex();

/**
 * What opens an organisation's thread, and the name that its owner has beside it. Of a sovereign one both are made of the caller's own API
 * key, which is stored nowhere: whoever has another finds nothing, and could not read it. undefined: the caller has come without one.
 */
export async function openerOf({ request, isolate }: RequestContext, { organisationId: organisation }: Principal, thread: string): Promise<{ opener: Opener; owner: string } | undefined> {
  const { KEY_PEPPER } = isolate.settings;
  if (!isSovereign(thread)) return { opener: { secret: KEY_PEPPER, organisation, thread }, owner: organisation };
  const own = secretFromRequest(request);
  if (own === undefined) return undefined;
  return { opener: { secret: `${KEY_PEPPER}\n${own}`, organisation, thread }, owner: `${organisation}/${await sha256(`forge responses ${thread}\n${own}`)}` };
}

/** The thread as its owner finds it: to anybody else its object is another one, which is empty. */
export async function accessTo(context: RequestContext, caller: Principal, thread: string): Promise<Access | undefined> {
  const found = await openerOf(context, caller, thread);
  if (!found) return undefined;
  const { RESPONSE_THREAD } = context.isolate.env;
  return {
    thread, opener: found.opener, vault: new Vault(found.opener),
    // Made anew for each call: one that has met a failure of its object stays broken.
    get object() {
      return RESPONSE_THREAD.getByName(`${found.owner}/${thread}`) as unknown as Thread;
    },
  };
}

/** Whether the request is one that stays on the owner's machines. */
export const staysHome = ({ request }: RequestContext, { sovereign }: Principal): boolean => sovereign || isWish(request.headers.get("x-sovereign"));
