import { Hono } from "hono";
import { GatewayError } from "../errors.ts";
import type { CallableModel } from "../router/index.ts";
import { callable } from "./callable.ts";
import type { App } from "./context.ts";
import { fromAnthropic } from "./error-shape.ts";

/** GET /v1/models: what this key can call here, in OpenAI's shape; in Anthropic's for whoever names a version of its API. */
export const models = new Hono<App>()
  .get("/", async (c) => {
    const { list, headers } = await callable(c);
    if (!fromAnthropic(c.req.raw.headers)) return c.json({ object: "list", data: list.map(openaiModel) }, 200, headers);
    const { limit, after_id, before_id } = c.req.query();
    return c.json(pageOf(list, sizeOf(limit), after_id, before_id), 200, headers);
  })
  .get("/:id{.+}", async (c) => {
    const { list, headers } = await callable(c);
    const id = c.req.param("id");
    const model = list.find((candidate) => candidate.id === id);
    if (!model) throw new GatewayError("model_not_found", `The model ${JSON.stringify(id.slice(0, 200))} does not exist, or this key may not call it.`, { param: "model" });
    return c.json(fromAnthropic(c.req.raw.headers) ? anthropicModel(model) : openaiModel(model), 200, headers);
  });

/** OpenAI's four fields, and what else the catalog knows: SDKs pass over names they do not know. */
const openaiModel = ({ id, owner, createdAtMs, model }: CallableModel) => ({
  id, object: "model" as const, created: Math.floor(createdAtMs / 1000), owned_by: owner,
  ...(model && {
    kind: model.kind, context_length: model.contextTokens, max_output_tokens: model.maxOutputTokens, input_modalities: model.inputModalities,
    output_modalities: model.outputModalities, capabilities: model.capabilities,
  }),
});

const anthropicModel = ({ id, createdAtMs }: CallableModel) => ({ type: "model" as const, id, display_name: id, created_at: new Date(createdAtMs).toISOString() });

/** Anthropic's page: behind `afterId`, or before `beforeId`, then the nearest ones. */
function pageOf(list: readonly CallableModel[], size: number, afterId?: string, beforeId?: string) {
  const rest = afterId !== undefined ? list.filter(({ id }) => id > afterId) : beforeId !== undefined ? list.filter(({ id }) => id < beforeId) : list;
  const page = afterId === undefined && beforeId !== undefined ? rest.slice(-size) : rest.slice(0, size);
  return { data: page.map(anthropicModel), has_more: rest.length > page.length, first_id: page[0]?.id ?? null, last_id: page.at(-1)?.id ?? null };
}

function sizeOf(limit = "20"): number {
  const size = /^\d{1,4}$/.test(limit) ? Number(limit) : 0;
  if (size < 1 || size > 1_000) throw new GatewayError("invalid_request", "limit: must be a number from 1 to 1000", { param: "limit" });
  return size;
}
