/** The API as an OpenAPI 3.1 document, made from the schemas that read its requests. https://spec.openapis.org/oas/v3.1.1 */
import type * as z from "zod";
import { requestSchemas } from "../protocols/request-schemas.ts";
import { askedSchema } from "../responses/asked.ts";
import { answerSchemas, type AnswerName } from "./answers.ts";
import { adminFamily } from "./admin.ts";
import { conversationFamilies } from "./conversations.ts";
import { dialectFamilies } from "./dialects.ts";
import { failureAnswers, failureSchemas, failuresAt } from "./failures.ts";
import { answerHeaders, headerParameters, headersAsked, headersTold } from "./headers.ts";
import { jsonSchema, queryParameters, type Json } from "./json-schema.ts";
import { keptFamilies } from "./kept.ts";
import { mediaFamilies } from "./media.ts";
import type { Family, Operation } from "./operation.ts";
import { ownFamilies } from "./own.ts";
import { places } from "./places.ts";
import { samples } from "./samples.ts";

/** package.json's version. */
const version = "0.1.0";

const about = `One key, one base URL and one exact bill for every model. Requests in OpenAI's, Anthropic's, Google's and OpenRouter's words are answered by whichever
provider serves the model. The guides are at [/docs](/docs).`;

const schemes = {
  bearer: { type: "http", scheme: "bearer", description: "A key: `Authorization: Bearer …`" },
  xApiKey: { type: "apiKey", in: "header", name: "x-api-key", description: "A key, where Anthropic's SDKs send it." },
  apiKey: { type: "apiKey", in: "header", name: "api-key", description: "A key, where Azure's SDKs send it." },
  googApiKey: { type: "apiKey", in: "header", name: "x-goog-api-key", description: "A key, where Google's SDKs send it." },
  admin: { type: "http", scheme: "bearer", description: "The installation's `ADMIN_SECRET`." },
} as const;
const keyed = ["bearer", "xApiKey", "apiKey", "googApiKey"].map((scheme) => ({ [scheme]: [] }));
const security = { key: keyed, admin: [{ admin: [] }], anyone: [] };

/** Every family of operations, and the bodies that have a name. */
function tables(): { families: Family[]; bodies: ReturnType<typeof requestSchemas> } {
  const read = requestSchemas();
  // What is kept here is never asked of a provider: of those fields the store's reading holds.
  const bodies = { ...read, ResponseRequest: read.ResponseRequest.extend(askedSchema.shape) };
  return { bodies, families: [...conversationFamilies(bodies), ...mediaFamilies(bodies), ...keptFamilies(), ...ownFamilies(bodies), ...dialectFamilies(bodies), adminFamily()] };
}

/** `POST /v1/files/{file_id}` → `postV1FilesFileId`. */
const idOf = (on: string): string =>
  on.toLowerCase().split(/[^a-z0-9]+/).filter(Boolean).map((word, i) => (i === 0 ? word : word[0]!.toUpperCase() + word.slice(1))).join("");

type Named = ReadonlyMap<z.ZodType, string>;
const bodySchema = (schema: z.ZodType, named: Named): Json => {
  const name = named.get(schema);
  return name === undefined ? jsonSchema(schema) : { $ref: `#/components/schemas/${name}` };
};

const sampleOf = (name = ""): Json => (samples[name] ? { example: samples[name] } : {});

function bodyOf({ json, form, bodyOptional }: Operation, named: Named): Json {
  const content = {
    ...(json && { "application/json": { schema: bodySchema(json, named), ...sampleOf(named.get(json)) } }),
    ...(form && { "multipart/form-data": { schema: bodySchema(form, named) } }),
  };
  return Object.keys(content).length === 0 ? {} : { requestBody: { required: bodyOptional !== true, content } };
}

const referenceTo = (name: AnswerName): Json => ({ $ref: `#/components/schemas/${name}` });

function answerOf({ status = 200, type = "application/json", streams, asks, by, gives }: Operation): Json {
  const any = { schema: {} };
  const own = gives === undefined ? any : { schema: typeof gives === "string" ? referenceTo(gives) : { anyOf: gives.map(referenceTo) } };
  const content = type === null ? {} : { content: { [type]: own, ...(streams && { [streams]: any }) } };
  return { [status]: { description: type === null ? "Done." : "The answer.", headers: headersTold({ asks: asks === true, keyed: by === undefined }), ...content } };
}

function operationOf(operation: Operation, tag: string, named: Named): Json {
  const { on, is, says, docs, by = "key", asks, query } = operation;
  const path = on.slice(on.indexOf(" ") + 1);
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({ name, in: "path", required: true, description: places[name!]!.is, schema: { type: "string" }, example: places[name!]!.example }));
  const parameters = [...inPath, ...(query ? queryParameters(query) : []), ...(asks ? headersAsked() : [])];
  return {
    operationId: idOf(on), tags: [tag], summary: is, ...(says !== undefined && { description: says }), ...(docs !== undefined && { externalDocs: { description: "As its vendor describes it", url: docs } }),
    security: security[by], ...(parameters.length > 0 && { parameters }), ...bodyOf(operation, named),
    responses: { ...answerOf(operation), ...failuresAt(path) },
  };
}

/** The whole document. */
export function openapi(): Json {
  const { families, bodies } = tables();
  const named: Named = new Map(Object.entries(bodies).map(([name, schema]) => [schema, name]));
  const paths: Record<string, Json> = {};
  for (const { name, operations } of families) {
    for (const operation of operations) {
      const [method, path] = operation.on.split(" ") as [string, string];
      (paths[path] ??= {})[method.toLowerCase()] = operationOf(operation, name, named);
    }
  }
  return {
    openapi: "3.1.1",
    info: { title: "Forge", version, description: about },
    tags: families.map(({ name, about: description }) => ({ name, description })),
    paths,
    components: {
      securitySchemes: schemes, parameters: headerParameters(), headers: answerHeaders(), responses: failureAnswers(),
      schemas: {
        ...Object.fromEntries([...named].map(([schema, name]) => [name, jsonSchema(schema)])),
        ...Object.fromEntries(Object.entries(answerSchemas()).map(([name, schema]) => [name, jsonSchema(schema, {})])), ...failureSchemas(),
      },
    },
  };
}
