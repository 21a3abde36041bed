import { Hono, type Context } from "hono";
import { GatewayError } from "../errors.ts";
import { relay } from "../pipeline/index.ts";
import { conversations, embedders, gemini, geminiMethods } from "../protocols/index.ts";
import type { CallableModel } from "../router/index.ts";
import { callable } from "./callable.ts";
import { contextOf, type App } from "./context.ts";
import { fromGoogle } from "./error-shape.ts";

/** POST /v1beta/models/{model}:{method}, also under /v1 as Google has it. A model's id may hold slashes and colons, encoded or not. */
export const geminiCalls = new Hono<App>().post("/:call{.+}", (c) => {
  const call = withoutPrefix(c.req.param("call"));
  const colon = call.lastIndexOf(":");
  const protocol = gemini(call.slice(0, Math.max(0, colon)), call.slice(colon + 1), c.req.query("alt") === "sse");
  if (!protocol) throw new GatewayError("not_found", `There is no POST ${c.req.path.slice(0, 200)} here: methods of a model are ${geminiMethods.join(", ")}.`);
  return relay(contextOf(c), protocol);
});

/** GET /v1beta/models: what this key can call here, in Google's shape. Under /v1 only for Google's clients: the rest goes on to OpenAI's list. */
export const geminiModels = new Hono<App>()
  .get("/", async (c, next) => {
    if (!isOurs(c)) return next();
    const { list, render, headers } = await listed(c);
    const size = pageSize(c.req.query("pageSize"));
    const after = c.req.query("pageToken");
    const rest = after ? list.filter(({ id }) => id > after) : list;
    const page = rest.slice(0, size);
    return c.json({ models: page.map(render), ...(rest.length > size && { nextPageToken: page.at(-1)!.id }) }, 200, headers);
  })
  .get("/:id{.+}", async (c, next) => {
    if (!isOurs(c)) return next();
    const { list, render, headers } = await listed(c);
    const id = withoutPrefix(c.req.param("id"));
    const model = list.find((candidate) => candidate.id === id);
    if (!model) throw new GatewayError("model_not_found", `The model ${JSON.stringify(id.slice(0, 200))} does not exist, or this key may not call it.`, { param: "name" });
    return c.json(render(model), 200, headers);
  });

const isOurs = (c: Context<App>): boolean => c.req.path.startsWith("/v1beta/") || fromGoogle(c.req.raw.headers);

/** Google's names begin with `models/`, which some clients write once more. */
const withoutPrefix = (name: string): string => (name.startsWith("models/") ? name.slice("models/".length) : name);

const mostOnPage = 1_000;

function pageSize(asked: string | undefined): number {
  if (!asked) return mostOnPage;
  if (/^\d{1,9}$/.test(asked)) return Math.min(Number(asked), mostOnPage) || mostOnPage;
  throw new GatewayError("invalid_request", "pageSize: must be a number", { param: "pageSize" });
}

/** Models that their providers serve by this API, and how Google would write one. */
async function listed(c: Context<App>) {
  const { list, catalog, headers } = await callable(c, [...conversations.keys(), "gemini-embeddings", ...embedders.map(({ id }) => id)]);
  const render = ({ id }: CallableModel) => {
    const model = catalog.models.get(id) ?? catalog.byName.get(id)?.model;
    const embeds = model?.kind === "embedding";
    return {
      name: `models/${id}`,
      baseModelId: model?.id ?? id,
      version: "1",
      displayName: id,
      ...(model?.contextTokens != null && { inputTokenLimit: model.contextTokens }),
      ...(model?.maxOutputTokens != null && { outputTokenLimit: model.maxOutputTokens }),
      supportedGenerationMethods: embeds ? ["embedContent", "batchEmbedContents"] : ["generateContent", "streamGenerateContent", "countTokens"],
    };
  };
  return { list, render, headers };
}
