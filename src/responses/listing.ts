/** Lists as OpenAI pages them. Pure. */
import { GatewayError } from "../errors.ts";
import type { Place } from "./stored.ts";
import type { Json } from "./teller.ts";

export type Listed = { readonly object: "list"; readonly data: readonly Json[]; readonly first_id: unknown; readonly last_id: unknown; readonly has_more: boolean };

export const listed = (data: readonly Json[], more: boolean): Listed => ({ object: "list", data, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more: more });

export const noPlace = (after: string): GatewayError => new GatewayError("invalid_request", `after: there is no '${after.slice(0, 100)}' in this list`, { param: "after" });

/** A page of a list that is here whole, oldest first. Throws `invalid_request` where `after` is not in it. */
export function pageOf(items: readonly Json[], { after, order, limit }: Place): Listed {
  const all = order === "desc" ? items.toReversed() : items;
  const behind = after === undefined ? -1 : all.findIndex(({ id }) => id === after);
  if (after !== undefined && behind === -1) throw noPlace(after);
  const rest = all.slice(behind + 1);
  return listed(rest.slice(0, limit), rest.length > limit);
}
