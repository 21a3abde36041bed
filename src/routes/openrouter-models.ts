import { Hono, type Context } from "hono";
import * as z from "zod";
import { weigh, type CallableModel } from "../router/index.ts";
import { readQuery } from "./admin/input.ts";
import { callable, found } from "./callable.ts";
import { lookedUp, type App } from "./context.ts";
import { endpointsHead, endpointView, modelView, type ModelView } from "./openrouter-model-view.ts";

const wordsSchema = z.string().max(500).transform((text) => text.split(",").map((word) => word.trim().toLowerCase()).filter(Boolean));
const numberSchema = z.coerce.number().min(0);
const pageFields = { offset: z.coerce.number().int().min(0).default(0), limit: z.coerce.number().int().min(1).max(1_000).optional() };
const perMillion = 1e6;
const dayMs = 86_400_000;

/** A filter that nobody here could apply is refused: what it lets through would not be what it says. */
export const listQuery = z.strictObject({
  ...pageFields, q: z.string().max(200).optional(), input_modalities: wordsSchema.optional(), output_modalities: wordsSchema.default(["text"]), supported_parameters: wordsSchema.optional(),
  context: numberSchema.optional(), min_price: numberSchema.optional(), max_price: numberSchema.optional(), min_output_price: numberSchema.optional(), max_output_price: numberSchema.optional(),
  min_age_days: numberSchema.optional(), max_age_days: numberSchema.optional(), model_authors: wordsSchema.optional(), providers: wordsSchema.optional(), zdr: z.literal("true").optional(),
  sort: z.enum(["newest", "pricing-low-to-high", "pricing-high-to-low", "context-high-to-low"]).optional(),
});
type Query = z.output<typeof listQuery>;
type Row = { readonly view: ModelView; readonly of: CallableModel };

const priceOf = (text: string): number | undefined => (text === "-1" ? undefined : Number(text) * perMillion);
const within = (value: number | undefined, least = -Infinity, most = Infinity): boolean => (least === -Infinity && most === Infinity) || (value !== undefined && value >= least && value <= most);
const some = (wanted: readonly string[] | undefined, has: readonly string[]): boolean => !wanted || wanted.includes("all") || wanted.some((one) => has.includes(one));
const every = (wanted: readonly string[] | undefined, has: readonly string[]): boolean => !wanted || wanted.every((one) => has.includes(one));

/** Whether nothing of a request to it is kept, by its provider's terms or the installation's agreement. */
const keepsNothing = ({ first: { endpoint, own } }: CallableModel): boolean =>
  endpoint.provider.selfHosted === true || endpoint.data?.retains === false || (!own && endpoint.agreed?.retains === false);

const passes = (query: Query, atMs: number) => ({ view, of }: Row): boolean => {
  const { architecture, pricing } = view;
  const { provider } = of.first.endpoint;
  const ageDays = of.createdAtMs === 0 ? undefined : (atMs - of.createdAtMs) / dayMs;
  return some(query.output_modalities, architecture.output_modalities) && every(query.input_modalities, architecture.input_modalities) && every(query.supported_parameters, view.supported_parameters)
    && (!query.q || view.id.toLowerCase().includes(query.q.toLowerCase())) && within(view.context_length ?? undefined, query.context)
    && within(priceOf(pricing.prompt), query.min_price, query.max_price) && within(priceOf(pricing.completion), query.min_output_price, query.max_output_price)
    && within(ageDays, query.min_age_days, query.max_age_days) && some(query.model_authors, [view.owned_by.toLowerCase()]) && some(query.providers, [provider.id, provider.name.toLowerCase()])
    && (!query.zdr || keepsNothing(of));
};

const both = ({ view: { pricing } }: Row): number => (priceOf(pricing.prompt) ?? Infinity) + (priceOf(pricing.completion) ?? Infinity);
/** Who has no price comes last, whichever way. */
const sorts: Record<NonNullable<Query["sort"]>, (a: Row, b: Row) => number> = {
  newest: (a, b) => b.view.created - a.view.created,
  "pricing-low-to-high": (a, b) => both(a) - both(b) || 0,
  "pricing-high-to-low": (a, b) => Number(both(a) === Infinity) - Number(both(b) === Infinity) || both(b) - both(a) || 0,
  "context-high-to-low": (a, b) => (b.view.context_length ?? 0) - (a.view.context_length ?? 0),
};

async function rowsOf(c: Context<App>, query: Query) {
  const { list, headers, context: { isolate, startedAtMs } } = await callable(c);
  const rows = list.map((of): Row => ({ of, view: modelView(of, startedAtMs, isolate.settings.FLT_PER_USD) })).filter(passes(query, startedAtMs));
  return { rows: query.sort ? rows.toSorted(sorts[query.sort]) : rows, headers };
}

/** One page, and where the next one is. Without a limit it is all of them. */
async function answerList(c: Context<App>, query: Query): Promise<Response> {
  const { rows, headers } = await rowsOf(c, query);
  const { offset, limit = rows.length } = query;
  const next = new URL(c.req.url);
  next.searchParams.set("offset", String(offset + limit));
  const more = offset + limit < rows.length;
  return c.json({ object: "list", data: rows.slice(offset, offset + limit).map(({ view }) => view), total_count: rows.length, links: { next: more ? next.href : null } }, 200, headers);
}

export const pageQuery = z.strictObject({ ...pageFields, output_modalities: wordsSchema.optional() });
/** All of a page without filters but those given. */
const page = (c: Context<App>, output?: string[]): Query => {
  const { output_modalities, ...asked } = readQuery(c, pageQuery);
  return { ...asked, output_modalities: output ?? output_modalities ?? ["text"] };
};

/** Every deployment that a model's requests may go to. */
async function answerEndpoints(c: Context<App>): Promise<Response> {
  const { list, question, headers, context: { isolate, startedAtMs } } = await callable(c);
  const model = found(list, c.req.param("id")!);
  const { attempts } = weigh({ ...question, name: model.id, protocols: undefined, sovereign: question.principal.sovereign, kind: model.kind });
  const endpoints = attempts.map((attempt) => endpointView(model, attempt, isolate.health.of(attempt.vital, startedAtMs), startedAtMs));
  return c.json({ data: { ...endpointsHead(model), endpoints } }, 200, headers);
}

/** What of /api/v1 tells of models and providers. https://openrouter.ai/docs/api-reference/list-available-models */
export const openrouterModels = new Hono<App>()
  .get("/models", (c) => answerList(c, readQuery(c, listQuery)))
  .get("/models/user", (c) => answerList(c, page(c)))
  .get("/embeddings/models", (c) => answerList(c, page(c, ["embeddings"])))
  .get("/models/count", async (c) => {
    const { rows, headers } = await rowsOf(c, page(c));
    return c.json({ data: { count: rows.length } }, 200, headers);
  })
  .get("/models/:id{.+}/endpoints", answerEndpoints)
  .get("/model/:id{.+}", async (c) => {
    const { list, headers, context: { isolate, startedAtMs } } = await callable(c);
    return c.json({ data: modelView(found(list, c.req.param("id")), startedAtMs, isolate.settings.FLT_PER_USD) }, 200, headers);
  })
  .get("/providers", async (c) => {
    const { context: { isolate }, headers } = await lookedUp(c);
    const data = [...isolate.endpoints.values()].flatMap(([first]) => (first ? [first.provider] : []))
      .map(({ id, name, data: terms }) => ({ name, slug: id, privacy_policy_url: terms?.source ?? null, terms_of_service_url: null, status_page_url: null }));
    return c.json({ data }, 200, headers);
  })
  .get("/endpoints/zdr", async (c) => {
    const { list, headers, context: { isolate, startedAtMs } } = await callable(c);
    const named = list.filter((one) => one.id === one.first.deployment && keepsNothing(one));
    return c.json({ data: named.map((one) => endpointView(one, one.first, isolate.health.of(one.first.vital, startedAtMs), startedAtMs)) }, 200, headers);
  });
