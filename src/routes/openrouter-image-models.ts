import { Hono } from "hono";
import { listed, type PriceClass } from "../ledger/price.ts";
import { imageAbilities } from "../protocols/index.ts";
import { weigh, type Attempt, type CallableModel } from "../router/index.ts";
import { callable, found } from "./callable.ts";
import type { App } from "./context.ts";
import { architectureOf } from "./openrouter-model-view.ts";

/** What is charged of a picture, in their words. */
const lines: readonly (readonly [PriceClass, string, string])[] = [
  ["image", "output_image", "image"], ["output_image", "output_image", "token"], ["input", "input_text", "token"], ["input_image", "input_image", "token"], ["request", "output_image", "request"],
];
const picoPerUsd = 1e12;

const draws = ({ kind, model }: CallableModel): boolean => kind === "image" || (kind === "chat" && (model?.outputModalities.includes("image") ?? false));
const abilitiesOf = ({ endpoint: { provider }, upstreamId }: Attempt) => imageAbilities(provider.speaksFor?.(upstreamId) ?? provider.speaks, upstreamId);

function endpointView(attempt: Attempt, atMs: number) {
  const { endpoint: { provider }, prices } = attempt;
  const { parameters, streams } = abilitiesOf(attempt);
  const pricing = lines.flatMap(([wanted, billable, unit]) => {
    const pico = listed(prices, wanted, 0, atMs);
    return pico === undefined ? [] : [{ billable, unit, cost_usd: pico / picoPerUsd }];
  });
  return { provider_name: provider.name, provider_slug: provider.id, provider_tag: provider.id, supported_parameters: parameters, supports_streaming: streams, allowed_passthrough_parameters: [], pricing };
}

function modelView(callableModel: CallableModel) {
  const { id, createdAtMs, first } = callableModel;
  const { input_modalities, output_modalities } = architectureOf(callableModel);
  const { parameters, streams } = abilitiesOf(first);
  return {
    id, name: id, description: "", created: Math.floor(createdAtMs / 1000), architecture: { input_modalities, output_modalities }, supported_parameters: parameters, supports_streaming: streams,
    endpoints: `/api/v1/images/models/${id.split("/").map(encodeURIComponent).join("/")}/endpoints`,
  };
}

/** /api/v1/images/models: who makes pictures, and what each can be asked for. https://openrouter.ai/docs/api-reference/images */
export const openrouterImageModels = new Hono<App>()
  .get("/", async (c) => {
    const { list, headers } = await callable(c);
    return c.json({ data: list.filter(draws).map(modelView) }, 200, headers);
  })
  .get("/:id{.+}/endpoints", async (c) => {
    const { list, question, headers, context: { startedAtMs } } = await callable(c);
    const model = found(list.filter(draws), c.req.param("id"));
    const { attempts } = weigh({ ...question, name: model.id, protocols: undefined, sovereign: question.principal.sovereign, kind: model.kind });
    return c.json({ id: model.id, endpoints: attempts.map((attempt) => endpointView(attempt, startedAtMs)) }, 200, headers);
  });
