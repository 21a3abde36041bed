/** What the document says that the gateway's own URLs answer, by what they answer. Requests are those of test/security/routes.ts. */
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { z } from "zod";
import { app } from "../../src/app.ts";
import { answerSchemas } from "../../src/reference/answers.ts";
import { openapi } from "../../src/reference/document.ts";
import { places } from "../../src/reference/places.ts";
import { filled, methodOf, routes } from "../security/routes.ts";
import { admin, bearer, call, chatBody, fillCatalog, newKey, outside, send, type Json, type Key } from "../security/stage.ts";

const schemas: Readonly<Record<string, z.ZodType>> = answerSchemas();
const told = Object.entries(openapi().paths as Json).flatMap(([path, item]) => Object.entries(item as Json).flatMap(([method, operation]) => {
  const [[status, { content }]] = Object.entries((operation as Json).responses as Json) as [[string, Json]];
  const of = content?.["application/json"]?.schema as Json | undefined;
  const names = [of, ...((of?.anyOf as Json[] | undefined) ?? [])].flatMap((one) => (one?.$ref ? [/(\w+)$/.exec(one.$ref as string)![1]!] : []));
  return names.length > 0 ? [{ on: `${method.toUpperCase()} ${path}`, status: Number(status), names }] : [];
}));

/** How a URL is asked, where the table's own sample is refused. */
const instead: Readonly<Record<string, { path?: string; body?: object }>> = {
  "GET /dashboard/requests/{request_id}": { path: "/dashboard/requests/{request}" }, "GET /v1/receipts/{request_id}": { path: "/v1/receipts/{request}" },
  "POST /admin/adjustments": { body: { request: "{request}", key: "{key}", nanoUsd: -1, reason: "test" } },
  "POST /admin/keys/{key_id}/revoke": { path: "/admin/keys/{other}/revoke" },
  "PUT /admin/organisations/{organisation_id}/suspension": { path: "/admin/organisations/{idle}/suspension" }, "DELETE /admin/organisations/{organisation_id}/suspension": { path: "/admin/organisations/{idle}/suspension" },
  "PUT /admin/prices": { body: { provider: "openai", upstreamId: "gpt-test", class: "input", picoUsd: 1_000_000, source: "test" } },
};
/** Asked once more, for the other answer that it has. */
const again: readonly string[] = ["/dashboard/usage?group_by=day,model", "/admin/usage?organisation={organisation}&group_by=day,key,tag"];

let key: Key;
let values: Record<string, string>;

beforeAll(async () => {
  outside();
  await fillCatalog();
  await env.DB.batch([env.DB.prepare("INSERT INTO aliases (organisation_id, name, position, target) VALUES ('*', 'auto', 0, '*')"), env.DB.prepare("INSERT INTO alias_rules (organisation_id, name, pick) VALUES ('*', 'auto', 'cheapest')")]);
  key = await newKey({ usageScope: "organisation", tags: ["nightly"] });
  const other = await newKey();
  const asked = await call(key.secret, "POST", "/v1/chat/completions", chatBody);
  await asked.text();
  values = { organisation: key.organisation, key: key.id, credential: "sk-0123456789abcdef", request: asked.headers.get("x-request-id")!, other: other.id, idle: other.organisation };
  const own = `/organisations/${key.organisation}`;
  await admin("PUT", `${own}/members/a@example.com`, { role: "developer" });
  await admin("PUT", `${own}/budgets/web`, { amount: 1e12, scope: "project:web" });
  await admin("PUT", `${own}/alerts`, { roles: ["owner"], webhookUrl: "https://hooks.example/forge" });
  await admin("PUT", `${own}/credentials/groq`, { secret: values.credential });
  await admin("PUT", `${own}/token-issuers`, { issuer: "https://another.example", key: key.id, secret: "0123456789abcdef" });
  await admin("PUT", "/aliases/weighted", { targets: [{ name: "gpt-test", weight: 2 }], pick: "weighted" });
  await admin("POST", `${own}/credits`, { kind: "grant", nanoUsd: 1e12, reason: "test" });
  // What was asked above is in the key's object until it is settled.
  await vi.waitFor(async () => expect(await env.KEY_METER.getByName(key.id).entry(values.request!)).toBeTruthy(), 5_000);
});
afterEach(() => void vi.restoreAllMocks());

async function ask(method: string, path: string, by: string, body: object | undefined): Promise<{ status: number; json: Json }> {
  outside();
  const response = await send(filled(path, values), {
    method, headers: { ...(by === "anyone" ? {} : bearer(by === "admin" ? env.ADMIN_SECRET : key.secret)), ...(body && { "content-type": "application/json" }) }, body: body && filled(JSON.stringify(body), values),
  });
  return { status: response.status, json: await response.json<Json>() };
}

/** What is wrong with an answer: nothing, where one of the schemas reads it. */
const faults = (names: readonly string[], json: Json): unknown[] => {
  const read = names.map((name) => schemas[name]!.safeParse(json));
  return read.some(({ success }) => success) ? [] : read.map(({ error }) => error!.issues);
};

describe("answers of the gateway's own", () => {
  test.each(told.map((one) => [one.on, one] as const))("%s", async (_, { on, status, names }) => {
    const [method, path] = on.split(" ") as [string, string];
    const sample = path.replace(/\{(\w+)\}/g, (__, name: string) => places[name]!.example);
    const found = app.router.match(method, sample)[0].map(([[, route]]) => `${route.method} ${route.path}`);
    const route = routes.find((one) => methodOf(one) === method && found.includes(one.route))!;
    const { status: is, json } = await ask(method, instead[on]?.path ?? route.path, route.by, instead[on]?.body ?? route.body);
    expect([is, json]).toEqual([status, expect.anything()]);
    expect(faults(names, json), JSON.stringify(json).slice(0, 1_000)).toEqual([]);
  });

  test.each(again)("%s", async (path) => {
    const { status, json } = await ask("GET", path, path.startsWith("/admin/") ? "admin" : "key", undefined);
    expect([status, faults(["GroupedUsage"], json), json.rows.length > 0]).toEqual([200, [], true]);
  });

  test("lists are not empty where something was put into them", async () => {
    for (const path of ["members", "budgets", "credentials", "token-issuers", "credits"]) expect((await admin("GET", `/organisations/${key.organisation}/${path}`)).data.length, path).toBeGreaterThan(0);
  });

  test("each schema is told of somewhere", () => {
    const used = new Set(told.flatMap(({ names }) => names));
    expect(Object.keys(schemas).filter((name) => !used.has(name))).toEqual([]);
  });
});
