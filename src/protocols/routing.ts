/** What a body of any protocol says of its own routing. https://openrouter.ai/docs/features/provider-routing */
import * as z from "zod";
import { modelField, readFields } from "./openai-chat/request.ts";
import type { RoutingWish } from "./protocol.ts";

const names = z.array(z.string().min(1).max(200), "must be an array of names").max(100, "must have at most 100").nullish();
/** OpenRouter's SDKs send prices as text. */
const price = z.union([z.number(), z.string().regex(/^\d*\.?\d+$/, "must be a price in USD").transform(Number)], "must be a price in USD").pipe(z.number().min(0)).nullish();
const flag = z.boolean("must be true or false").nullish();
/** A figure, or one for each percentile: the median is what is known here. */
const figure = z.union([z.number().positive(), z.looseObject({ p50: z.number().positive().nullish() }).transform(({ p50 }) => p50 ?? undefined)]).nullish();
/** OpenRouter's `exacto` sorts by a quality that nobody else measures. */
const sorts = z.enum(["price", "throughput", "latency", "exacto"], "must be price, throughput or latency").transform((sort) => (sort === "exacto" ? undefined : sort));

const providerSchema = z.looseObject({
  order: names, only: names, ignore: names, quantizations: names,
  allow_fallbacks: flag, require_parameters: flag, zdr: flag,
  data_collection: z.enum(["allow", "deny"], "must be allow or deny").nullish(),
  sort: z.union([sorts, z.looseObject({ by: sorts.nullish() }).transform(({ by }) => by ?? undefined)], "must be price, throughput or latency").nullish(),
  max_price: z.looseObject({ prompt: price, completion: price, request: price, image: price }, "must be an object").nullish(),
  preferred_min_throughput: figure, preferred_max_latency: figure,
}, "must be an object");

export const wishSchema = z.object({
  models: z.array(modelField, "must be an array of model names").max(20, "must have at most 20").nullish(),
  provider: providerSchema.nullish(),
  session_id: z.string("must be a string").min(1, "must not be empty").max(256, "must have at most 256 characters").nullish(),
  route: z.unknown().optional(),
});

/** Fields of a body that say it. */
export const routingFields = Object.keys(wishSchema.shape);

/** What is there of a value that may be null. A list that names nobody is no wish. */
const said = <K extends string, T>(key: K, value: T | null | undefined): Partial<Record<K, T>> => (value == null || (Array.isArray(value) && value.length === 0) ? {} : ({ [key]: value } as Record<K, T>));

/** Reads the wish; undefined when the body has none. Throws `invalid_request` with the field and the reason. */
export function routingOf(body: unknown): RoutingWish | undefined {
  const fields = routingFields.filter((field) => Object.hasOwn(body as object, field));
  if (fields.length === 0) return undefined;
  const { models, provider, session_id } = readFields(wishSchema, Object.fromEntries(fields.map((field) => [field, (body as Record<string, unknown>)[field]])));
  const { allow_fallbacks, require_parameters, zdr, data_collection, max_price, preferred_min_throughput, preferred_max_latency, ...rest } = provider ?? {};
  const most = max_price && Object.fromEntries((["prompt", "completion", "request", "image"] as const).flatMap((unit) => (max_price[unit] == null ? [] : [[unit, max_price[unit]]])));
  return {
    models: models ?? [],
    allowFallbacks: allow_fallbacks !== false,
    requireParameters: require_parameters === true,
    noTraining: data_collection === "deny",
    zeroRetention: zdr === true,
    ...said("session", session_id), ...said("order", rest.order), ...said("only", rest.only), ...said("ignore", rest.ignore),
    ...said("quantizations", rest.quantizations), ...said("sort", rest.sort), ...said("maxPrice", most),
    ...said("leastThroughput", preferred_min_throughput), ...said("mostLatency", preferred_max_latency),
    fields,
  };
}
