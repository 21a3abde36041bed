/**
 * Who an Atlassian app says it is: `forge-proxy-authorization`, a list of `key=value` in any order.
 * https://developer.atlassian.com/platform/forge/containers-reference/ref-api/
 */
import { GatewayError } from "../errors.ts";

/** `token`: the secret of a key of ours. `installation` and `invocation` are claims, which prove nothing by themselves. */
export type ForgeIdentity = { readonly token?: string; readonly installation?: string; readonly invocation?: string; readonly account?: string };

const longest = 4_096;
const fields = ["id", "installationId", "as", "accountId"];

const refuse = (why: string): GatewayError => new GatewayError("invalid_api_key", `forge-proxy-authorization ${why}.`, { shouldRetry: false });

/** Reads the header. Throws `invalid_api_key` where it is missing or not what it should be. */
export function forgeIdentityIn(header: string | undefined): ForgeIdentity {
  const [, scheme = "", rest = ""] = /^\s*(Forge|Bearer)\s+(\S.*?)\s*$/i.exec((header ?? "").slice(0, longest)) ?? [];
  if (scheme === "") throw refuse('is missing, or is neither "Forge key=value,…" nor "Bearer <token>"');
  if (scheme.toLowerCase() === "bearer") return { token: rest };
  const pairs = rest.split(",").map((pair) => /^\s*(\w+)\s*=\s*([^\s=]{1,512})\s*$/.exec(pair));
  if (pairs.some((pair) => !pair || !fields.includes(pair[1]!))) throw refuse(`takes ${fields.join(", ")} as key=value, with commas between them`);
  const said = new Map(pairs.map((pair) => [pair![1]!, pair![2]!]));
  if (said.size !== pairs.length) throw refuse("says something twice");
  const { id, installationId, as: who, accountId } = Object.fromEntries(said);
  if (id === undefined && installationId === undefined) throw refuse("needs id or installationId");
  if (who !== undefined && who !== "app" && who !== "user") throw refuse('takes as=app or as=user');
  if (accountId !== undefined && who !== "user") throw refuse("takes accountId only with as=user");
  return { ...(installationId !== undefined && { installation: installationId }), ...(id !== undefined && { invocation: id }), ...(accountId !== undefined && { account: accountId }) };
}
