/** What the list of models is asked for. All of it stands in the address, so that it works as a form. */
import * as z from "zod";
import { capabilities, modelKinds, type Model } from "../catalog/index.ts";
import type { Listed } from "./callable.ts";
import { pricesOfAttempt } from "./model-prices.ts";
import type { Visit } from "./visit.ts";

export const kindOptions = [["", "Any kind"], ...modelKinds.map((kind) => [kind, kind.charAt(0).toUpperCase() + kind.slice(1)] as const)] as const;
const can: Record<string, string> = { tools: "Tools", vision: "Vision", audio: "Audio", video: "Video", pdf: "PDF", json_schema: "JSON schema", reasoning: "Reasoning" };
export const capabilityText = (capability: string): string => can[capability] ?? capability.charAt(0).toUpperCase() + capability.slice(1).replaceAll("_", " ");
export const capabilityOptions = [["", "Any"], ...capabilities.map((one) => [one, capabilityText(one)] as const)] as const;
export const contextOptions = [["", "Any"], ["32000", "32K or more"], ["128000", "128K or more"], ["200000", "200K or more"], ["1000000", "1M or more"]] as const;
export const priceOptions = [["", "Any"], ["0", "Free"], ["0.1", "$0.10 or less"], ["0.5", "$0.50 or less"], ["1", "$1 or less"], ["3", "$3 or less"], ["10", "$10 or less"]] as const;
export const sortOptions = [["name", "Name"], ["newest", "Newest"], ["price", "Price"], ["context", "Context"]] as const;

const oneOf = <T extends string>(options: readonly (readonly [T, string])[]) => z.enum(options.map(([word]) => word) as [T, ...T[]]);
const schema = z.object({
  q: z.string().trim().max(100).catch(""), kind: oneOf(kindOptions).catch(""), can: oneOf(capabilityOptions).catch(""), context: oneOf(contextOptions).catch(""),
  price: oneOf(priceOptions).catch(""), sort: oneOf(sortOptions).catch("name"), all: z.literal("on").optional().catch(undefined), page: z.coerce.number().int().min(1).max(10_000).catch(1),
});
export type ModelQuery = z.output<typeof schema>;

export const modelQuery = ({ c }: Visit): ModelQuery => schema.parse(c.req.query());

/** The address of another page of the same list. */
export function pageHref(query: ModelQuery, page: number): string {
  const set = Object.entries({ ...query, page: String(page) }).filter(([name, value]) => value !== undefined && value !== "" && !(name === "sort" && value === "name"));
  return `/dashboard/models?${new URLSearchParams(set as [string, string][]).toString()}`;
}

/** What can be told of a model without asking whether it can be called. Of one that the catalog does not know nothing is known. */
export const fits = ({ q, kind, can: wanted, context }: ModelQuery) => (model: Model | undefined, id: string): boolean =>
  q.toLowerCase().split(/\s+/).every((word) => id.toLowerCase().includes(word) || (model?.owner.toLowerCase().includes(word) ?? false))
  && (kind === "" || model?.kind === kind) && (wanted === "" || (model?.capabilities.includes(wanted) ?? false)) && (context === "" || (model?.contextTokens ?? 0) >= Number(context));

const inputUsd = ({ lead: { attempts: [first] } }: Listed, atMs: number): number | undefined => first && pricesOfAttempt(first, atMs).inputUsd;

const orders: Record<ModelQuery["sort"], (atMs: number) => (a: Listed, b: Listed) => number> = {
  name: () => () => 0,
  newest: () => (a, b) => (b.model?.releasedAt ?? 0) - (a.model?.releasedAt ?? 0),
  price: (atMs) => (a, b) => (inputUsd(a, atMs) ?? Infinity) - (inputUsd(b, atMs) ?? Infinity) || 0,
  context: () => (a, b) => (b.model?.contextTokens ?? 0) - (a.model?.contextTokens ?? 0),
};

/** Those that are wanted, in the order that is wanted. */
export function chosen(list: readonly Listed[], { price, all, sort }: ModelQuery, atMs: number): Listed[] {
  const cheap = (one: Listed): boolean => price === "" || (inputUsd(one, atMs) ?? Infinity) <= Number(price);
  return list.filter((one) => (all === "on" || one.lead.attempts.length > 0) && cheap(one)).toSorted(orders[sort](atMs));
}
