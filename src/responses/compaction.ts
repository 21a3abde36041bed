/** What stands for a conversation's past: a model's summary of it, which only this gateway can read back, for those who could read the past. */
import type { Principal } from "../accounts/index.ts";
import { GatewayError } from "../errors.ts";
import type { RequestContext } from "../pipeline/index.ts";
import { openerOf, staysHome } from "./access.ts";
import type { Json } from "./teller.ts";
import { Vault } from "./vault.ts";

/** What our compactions begin with; a provider's own are for that provider, and pass as they are. */
const mark = "forge-compaction.";
const place = "compaction";

/** Whether a request's text holds a compaction of ours. */
export const holdsCompaction = (text: string): boolean => text.includes(`"${mark}`);

async function vaultFor(context: RequestContext, caller: Principal, sovereign: boolean): Promise<Vault | undefined> {
  const found = await openerOf(context, caller, sovereign ? "scompactions" : "tcompactions");
  return found && new Vault(found.opener);
}

/** A summary as an item. `id`: its own. */
export async function compactionOf(context: RequestContext, caller: Principal, summary: string, id: string): Promise<Json> {
  const sovereign = staysHome(context, caller);
  const vault = await vaultFor(context, caller, sovereign);
  if (!vault) throw new GatewayError("invalid_request", "What is sovereign can be compacted only by a key that can be asked for again.");
  return { type: "compaction", id, encrypted_content: `${mark}${sovereign ? "s" : "t"}${(await vault.seal(summary, place)).toBase64({ alphabet: "base64url", omitPadding: true })}` };
}

/** Items with the summaries in place of our compactions. Throws `invalid_request` for one that this caller cannot read. */
export const expanded = (context: RequestContext, caller: Principal, items: readonly Json[]): Promise<Json[]> =>
  Promise.all(items.map(async (item): Promise<Json> => {
    const { type, encrypted_content: sealed } = item;
    if (type !== "compaction" || typeof sealed !== "string" || !sealed.startsWith(mark)) return item;
    return { type: "message", role: "developer", content: [{ type: "input_text", text: `What was said before, in short:\n\n${await summaryIn(context, caller, sealed)}` }] };
  }));

async function summaryIn(context: RequestContext, caller: Principal, sealed: string): Promise<string> {
  const sovereign = sealed[mark.length] === "s";
  const refused = (message: string): GatewayError => new GatewayError("invalid_request", message, { param: "input" });
  if (sovereign && !staysHome(context, caller)) throw refused("input: holds a compaction that is sovereign: send X-Sovereign: true with it");
  const vault = await vaultFor(context, caller, sovereign);
  try {
    return await vault!.open(Uint8Array.fromBase64(sealed.slice(mark.length + 1), { alphabet: "base64url" }), place);
  } catch {
    throw refused("input: holds a compaction that was not made for this organisation, or not as it is here");
  }
}
