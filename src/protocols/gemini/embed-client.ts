/** Google's requests for vectors asked of other providers: read into the words of OpenAI's, and the answer told as Google tells it. */
import type { Loss } from "../../chat/index.ts";
import { GatewayError } from "../../errors.ts";
import { isObject, list, objects, record, type Json } from "../json.ts";
import { embedders } from "../media/embeddings.ts";
import { taskTypes } from "../media/embed-gemini.ts";
import type { Crossing, CrossingContext } from "../protocol.ts";
import { camelCased } from "./request.ts";

const inputTypes = new Map(Object.entries(taskTypes).toReversed().map(([ours, theirs]) => [theirs, ours]));

/** A text, or texts and pictures that are one thing. */
function inputOf(content: unknown, param: string): unknown {
  const parts = list(camelCased(record(content)).parts).map((part) => {
    const { text, inlineData } = camelCased(record(part));
    const { mimeType, data } = camelCased(record(inlineData));
    if (typeof text === "string") return { type: "text", text };
    if (typeof mimeType === "string" && typeof data === "string") return { type: "image_url", image_url: { url: `data:${mimeType};base64,${data}` } };
    throw new GatewayError("invalid_request", `${param}.content.parts: must be texts or inline data`, { param: `${param}.content.parts` });
  });
  if (parts.length === 0) throw new GatewayError("invalid_request", `${param}.content.parts: must not be empty`, { param: `${param}.content.parts` });
  return parts.length === 1 && "text" in parts[0]! ? parts[0].text : { content: parts };
}

/** What of one request holds for all vectors. */
const settingsOf = (request: Json): Json => Object.fromEntries(Object.entries(request).filter(([field]) => field !== "content" && field !== "model"));

/** The request in OpenAI's words. Throws `invalid_request` for what only Google can be asked. */
function inOpenaiWords(body: Json, model: string): Json {
  const { requests, ...single } = camelCased(body);
  const all = requests === undefined ? [single] : objects(requests).map((request) => camelCased(request));
  const [first = {}] = all.map(settingsOf);
  if (all.some((one) => JSON.stringify(settingsOf(one)) !== JSON.stringify(first))) {
    throw new GatewayError("invalid_request", "requests: this model takes one taskType, title and outputDimensionality for all of them", { param: "requests" });
  }
  const { taskType, outputDimensionality, ...rest } = first;
  const texts = all.map(({ content }, i) => inputOf(content, requests === undefined ? "request" : `requests[${i}]`));
  const input = texts.every((one) => typeof one === "string") ? texts : texts.map((one) => (isObject(one) ? one : { content: [{ type: "text", text: one }] }));
  return {
    ...rest, model, input, encoding_format: "float", ...(outputDimensionality !== undefined && { dimensions: outputDimensionality }),
    ...(taskType !== undefined && taskType !== "TASK_TYPE_UNSPECIFIED" && { input_type: inputTypes.get(String(taskType)) ?? String(taskType) }),
  };
}

const theirNames: Readonly<Record<string, Loss>> = { "field:dimensions": "field:outputDimensionality", "field:input_type": "field:taskType" };

const asOpenai = (context: CrossingContext): CrossingContext => ({ ...context, json: inOpenaiWords(context.json, context.facts.model) });

/** A crossing of OpenAI's embeddings for Google's clients. */
const forGoogle = ({ id, path, render, read }: Crossing): Crossing => ({
  id,
  path: (context) => path(asOpenai(context)),
  render(context) {
    const { body, losses } = render(asOpenai(context));
    return { body, losses: losses.map((loss) => theirNames[loss] ?? loss) };
  },
  read(answer, context) {
    const told = read(answer, asOpenai(context));
    if ("error" in told) return told;
    const { body, seen } = told;
    const embeddings = objects((JSON.parse(body as string) as Json).data).map(({ embedding }) => ({ values: embedding }));
    const usage = seen.usage && !seen.guessed ? { usageMetadata: { promptTokenCount: seen.usage.inputTokens, totalTokenCount: seen.usage.inputTokens } } : {};
    return { body: JSON.stringify({ ...("requests" in context.json ? { embeddings } : { embedding: embeddings[0] }), ...usage }), seen };
  },
});

export const embedCrossings: readonly Crossing[] = embedders.filter(({ id }) => id !== "gemini-embeddings").map(forGoogle);
