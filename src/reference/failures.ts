/** How failures look, by whose API a URL is: told by the renderers that tell them. */
import * as z from "zod";
import { GatewayError, statusOf, type ErrorCode } from "../errors.ts";
import { renderAnthropicError, renderAtlassianError, renderGoogleError, renderInsforgeError, renderOpenaiError, renderOpenrouterError, renderRerankError } from "../protocols/index.ts";
import { renderErrorAt } from "../routes/error-shape.ts";
import { jsonSchema, type Json } from "./json-schema.ts";

type Shape = { readonly name: string; readonly render: (error: GatewayError, requestId: string) => string; readonly schema: () => z.ZodType };

const openaiError = () => z.strictObject({ message: z.string(), type: z.string(), param: z.string().nullable(), code: z.string() });

/** One row for each shape. test/reference/document.test.ts reads what each renderer says by its schema. */
export const shapes: readonly Shape[] = [
  { name: "OpenAIError", render: renderOpenaiError, schema: () => z.strictObject({ error: openaiError() }) },
  { name: "RerankError", render: renderRerankError, schema: () => z.strictObject({ message: z.string(), error: openaiError() }) },
  {
    name: "AnthropicError", render: renderAnthropicError,
    schema: () => z.strictObject({ type: z.literal("error"), error: z.strictObject({ type: z.string(), message: z.string(), details: z.strictObject({ error_code: z.string() }) }), request_id: z.string() }),
  },
  {
    name: "GoogleError", render: renderGoogleError,
    schema: () => z.strictObject({ error: z.strictObject({ code: z.int(), message: z.string(), status: z.string(), details: z.array(z.looseObject({ "@type": z.string() })) }) }),
  },
  {
    name: "OpenRouterError", render: renderOpenrouterError,
    schema: () => z.strictObject({ error: z.strictObject({ code: z.int(), message: z.string(), metadata: z.looseObject({ error_type: z.string(), code: z.string() }) }) }),
  },
  { name: "InsForgeError", render: renderInsforgeError, schema: () => z.strictObject({ error: z.string(), message: z.string(), statusCode: z.int() }) },
  { name: "AtlassianError", render: renderAtlassianError, schema: () => z.strictObject({ code: z.string(), message: z.string() }) },
];

const samples = (): readonly GatewayError[] => [
  new GatewayError("invalid_request", "messages: must be an array of messages", { param: "messages" }),
  new GatewayError("invalid_api_key", "Invalid API key.", { shouldRetry: false }),
  new GatewayError("rate_limit_exceeded", "Rate limit reached.", { retryAfterSeconds: 12 }),
  new GatewayError("upstream_error", "The provider did not answer."),
];

const codes = Object.entries(statusOf) as [ErrorCode, number][];
const classes = { "4XX": [400, 499, "The request cannot be answered"], "5XX": [500, 599, "It could not be answered"] } as const;

function answer({ name, render }: Shape, [least, most, is]: readonly [number, number, string]): Json {
  const within = (status: number): boolean => status >= least && status <= most;
  const byStatus = Map.groupBy(codes.filter(([, status]) => within(status)), ([, status]) => status);
  const list = [...byStatus].sort(([a], [b]) => a - b).map(([status, rows]) => `* ${status}: ${rows.map(([code]) => `\`${code}\``).join(", ")}`);
  const examples = Object.fromEntries(samples().filter(({ status }) => within(status)).map((sample) => [sample.code, { value: JSON.parse(render(sample, "req_0123456789")) as Json }]));
  return {
    description: `${is}. Codes by status:\n\n${list.join("\n")}`,
    headers: { "X-Request-ID": { $ref: "#/components/headers/X-Request-ID" }, "Retry-After": { $ref: "#/components/headers/Retry-After" }, "X-Should-Retry": { $ref: "#/components/headers/X-Should-Retry" } },
    content: { "application/json": { schema: { $ref: `#/components/schemas/${name}` }, examples } },
  };
}

/** `OpenAIError4XX`, … */
export const failureAnswers = (): Json =>
  Object.fromEntries(shapes.flatMap((shape) => Object.entries(classes).map(([status, of]) => [`${shape.name}${status}`, answer(shape, of)])));

export const failureSchemas = (): Json => Object.fromEntries(shapes.map(({ name, schema }) => [name, jsonSchema(schema(), {})]));

/** The answers of an operation when something goes wrong. */
export function failuresAt(path: string): Json {
  const render = renderErrorAt(path, new Headers());
  const { name } = shapes.find((shape) => shape.render === render)!;
  return Object.fromEntries(Object.keys(classes).map((status) => [status, { $ref: `#/components/responses/${name}${status}` }]));
}
