/** /openapi.json: that it tells of every URL, that every URL it tells of is there, and that failures are told as they come. */
import { exports } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { app } from "../../src/app.ts";
import { GatewayError, statusOf, type ErrorCode } from "../../src/errors.ts";
import { openapi } from "../../src/reference/document.ts";
import { shapes } from "../../src/reference/failures.ts";
import { headersAsked, headersTold } from "../../src/reference/headers.ts";
import { requestSchemas } from "../../src/protocols/request-schemas.ts";
import { places } from "../../src/reference/places.ts";
import { samples } from "../../src/reference/samples.ts";
import { words } from "../../src/reference/words.ts";

type Json = Record<string, any>;

const document: Json = openapi();
const methods = ["get", "post", "put", "patch", "delete"];
const operations = Object.entries(document.paths as Json).flatMap(([path, item]) => methods.flatMap((method) => (item[method] ? [{ on: `${method.toUpperCase()} ${path}`, method: method.toUpperCase(), path, told: item[method] as Json }] : [])));

/** Routes that the document leaves out. */
const left: readonly (readonly [RegExp, string])[] = [
  [/^\w+ \/v1\/v[12]\//, "the same as one level up, for SDKs whose base URL ends in /v1"],
  [/^POST \/v1\/models\/:call/, "the same as under /v1beta, for Google's clients of version 1"],
  [/^\w+ \/v1\/videos\/characters/, "refused: no provider here keeps characters"],
  [/^POST \/stripe\/webhook$/, "for Stripe alone"],
  [/^GET \/(?:openapi\.json|reference.*|llms\.txt|docs.*|favicon\.ico|robots\.txt)?$/, "the document itself, the pages that show it, the guides, and the way to them"],
];

const registered = [...new Set(app.routes.filter(({ method }) => method !== "ALL").map(({ method, path }) => `${method} ${path}`))];
/** A request without a key; its body, where its method has one, says nothing. */
const knock = (method: string, path: string): Promise<Response> =>
  exports.default.fetch(`https://forge.example${samplePath(path)}`, { method, ...(["POST", "PUT", "PATCH"].includes(method) && { headers: { "content-type": "application/json" }, body: "{}" }) });
const samplePath = (path: string): string => path.replace(/\{(\w+)\}/g, (_, name: string) => places[name]!.example);
const routesFor = (method: string, path: string): string[] =>
  app.router.match(method, samplePath(path))[0].flatMap(([[, route]]) => (route.method === method ? [`${route.method} ${route.path}`] : []));

describe("URLs", () => {
  test("every route is in the document, or left out for a reason", () => {
    const told = new Set(operations.flatMap(({ method, path }) => routesFor(method, path)));
    expect(registered.filter((route) => !told.has(route) && !left.some(([pattern]) => pattern.test(route)))).toEqual([]);
    for (const [pattern, why] of left) expect(registered.some((route) => pattern.test(route) && !told.has(route)), `${pattern}: ${why}`).toBe(true);
  });

  test.each(operations.map(({ on, method, path }) => [on, method, path]))("%s is answered", async (_, method, path) => {
    expect(routesFor(method, path)).not.toEqual([]);
    const response = await knock(method, path);
    const text = await response.text();
    expect(response.status, text).not.toBe(405);
    expect(text).not.toMatch(/There is no \w+ \//);
  });

  test("who may call is said as it is", async () => {
    for (const { method, path, told } of operations) {
      const { status } = await knock(method, path);
      expect([path, told.security.length > 0]).toEqual([path, status === 401]);
      expect([path, told.security.some((scheme: Json) => "admin" in scheme)]).toEqual([path, path.startsWith("/admin/")]);
    }
  });
});

describe("words", () => {
  const text = JSON.stringify(document);

  test("no reference leads nowhere", () => {
    const references = [...new Set([...text.matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path!))];
    expect(references.length).toBeGreaterThan(30);
    expect(references.filter((path) => path.split("/").reduce<any>((at, name) => at?.[name], document) === undefined)).toEqual([]);
  });

  test("each operation has a name of its own, a tag that is told of, and answers", () => {
    const ids = operations.map(({ told }) => told.operationId as string);
    expect(new Set(ids).size).toBe(ids.length);
    const tags = document.tags.map(({ name }: Json) => name);
    for (const { told } of operations) expect(tags).toContain(told.tags[0]);
    expect(tags.filter((tag: string) => !operations.some(({ told }) => told.tags[0] === tag))).toEqual([]);
  });

  test("what is known of fields and places is used", () => {
    expect(Object.entries(words).filter(([, meaning]) => !text.includes(JSON.stringify(meaning))).map(([name]) => name)).toEqual([]);
    expect(Object.values(places).filter(({ is }) => !text.includes(JSON.stringify(is)))).toEqual([]);
  });

  test("the fields of a request are those that are read", () => {
    const { ChatCompletionRequest: chat, MessageRequest: message, TranscriptionForm: transcription } = document.components.schemas;
    expect(chat.required).toEqual(["model", "messages"]);
    expect(chat.properties).toMatchObject({ temperature: { type: ["number", "null"] }, messages: { type: "array", items: { type: "object" }, minItems: 1 }, provider: {}, plugins: {} });
    expect(chat.additionalProperties).toBeUndefined();
    expect(message.required).toEqual(["model", "messages", "max_tokens"]);
    expect(transcription.properties.file).toMatchObject({ type: "string", format: "binary" });
    expect(document.paths["/v1/responses"].post.requestBody.content["application/json"].schema).toEqual({ $ref: "#/components/schemas/ResponseRequest" });
    expect(document.components.schemas.ResponseRequest.properties.previous_response_id.type).toEqual(["string", "null"]);
    expect(document.paths["/admin/keys"].post.requestBody.content["application/json"].schema.additionalProperties).toBe(false);
  });

  test("a body to begin with is read as it stands, and shown with its operation", () => {
    const schemas: Record<string, { safeParse(value: unknown): { success: boolean } }> = requestSchemas();
    expect(Object.entries(samples).filter(([name, body]) => !schemas[name]!.safeParse(body).success).map(([name]) => name)).toEqual([]);
    for (const body of Object.values(samples)) expect(text).toContain(`"example":${JSON.stringify(body)}`);
  });

  test("headers that requests and answers carry are the gateway's", () => {
    for (const { $ref } of [...headersAsked(), ...Object.values(headersTold({ asks: true, keyed: true }) as Json)] as Json[]) expect($ref).toMatch(/^#\/components\/(?:parameters|headers)\/[\w-]+$/);
  });
});

describe("failures", () => {
  test.each(shapes.map((shape) => [shape.name, shape] as const))("%s is every failure's shape", (_, { render, schema }) => {
    const details = [{}, { param: "messages[0]" }, { retryAfterSeconds: 3, shouldRetry: false }, { provider: { name: "A", raw: "no" } }];
    for (const code of Object.keys(statusOf) as ErrorCode[]) {
      for (const detail of details) schema().parse(JSON.parse(render(new GatewayError(code, "It failed.", detail), "req_1")));
    }
  });

  test("each operation's failures are told in the shape in which they come", async () => {
    for (const { on, method, path, told } of operations.filter(({ told }) => told.security.length > 0)) {
      const name = /responses\/(\w+)4XX$/.exec(told.responses["4XX"].$ref)![1];
      const response = await knock(method, path);
      expect(shapes.find((shape) => shape.name === name)!.schema().safeParse(await response.json()).error, on).toBeUndefined();
    }
  });
});

describe("GET /openapi.json", () => {
  const fetched = (headers: Record<string, string> = {}): Promise<Response> => exports.default.fetch("https://forge.example/openapi.json", { headers });

  test("is the document, for everybody", async () => {
    const response = await fetched();
    expect([response.status, response.headers.get("content-type"), response.headers.get("cache-control")]).toEqual([200, "application/json", "public, max-age=300"]);
    expect(await response.json()).toEqual(document);
  });

  test("is asked for again by its ETag", async () => {
    const first = await fetched();
    const again = await fetched({ "if-none-match": first.headers.get("etag")! });
    expect([again.status, await again.text(), again.headers.get("etag"), again.headers.get("cache-control")]).toEqual([304, "", first.headers.get("etag"), "public, max-age=300"]);
    expect((await fetched({ "if-none-match": '"other"' })).status).toBe(200);
  });
});
