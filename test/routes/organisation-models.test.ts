/** The organisation's list of models: it holds from the next request of every key on, beside the plan's and the key's own, on every way to a model. */
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { runOf } from "../../src/batches/index.ts";
import { isolateOf } from "../../src/pipeline/index.ts";
import { filled, routes } from "../security/routes.ts";
import { admin, call, chatBody, expectRefusal, fillCatalog, newKey, outside, prompts, settled, type Json, type Key, type Left } from "../security/stage.ts";

let key: Key;
let left: Left[];
beforeAll(async () => {
  await fillCatalog();
  await admin("PUT", "/aliases/both-test", { targets: ["groq/gpt-test", "openai/gpt-test", "openai/secret-test"] });
});
beforeEach(async () => {
  key = await newKey();
  left = outside();
});
afterEach(() => void vi.restoreAllMocks());

const allow = (models: string[] | null, { organisation } = key): Promise<Json> => admin("PUT", `/organisations/${organisation}/models`, { models });
const path = () => `/organisations/${key.organisation}/models`;
/** Who was asked, or the code of the refusal. */
async function asked(model: string, of = key, body: Json = {}): Promise<string> {
  left.length = 0;
  const response = await call(of.secret, "POST", "/v1/chat/completions", { ...chatBody, model, ...body });
  const json = await response.json<Json>();
  await settled(of);
  return response.ok ? prompts(left).map(({ host }) => host).join() : `${json.error.code}${prompts(left).length > 0 ? " though asked" : ""}`;
}
const routed = async (model: string): Promise<Json> => (await call(key.secret, "POST", "/v1/route", { model })).json<Json>();
const listed = async (of = key): Promise<string[]> => (await (await call(of.secret, "GET", "/v1/models")).json<Json>()).data.map(({ id }: Json) => id);

describe("from the next request on", () => {
  test("a model outside is refused, whatever it is called, and let through again once the list says so", async () => {
    expect(await asked("groq/gpt-test")).toBe("api.groq.com");
    expect(await allow(["openai/*"])).toEqual({ models: ["openai/*"] });
    expect(await asked("groq/gpt-test")).toBe("model_not_allowed");
    expect(await asked("gpt-test"), "another deployment of the same model").toBe("api.openai.com");
    expect(await asked("openai/never-heard-of"), "an id that only its provider knows").toBe("api.openai.com");
    await allow(["secret-test"]);
    expect([await asked("gpt-test"), await asked("secret-test"), await asked("openai/secret-test")]).toEqual(["model_not_allowed", "api.openai.com", "api.openai.com"]);
    await allow([]);
    expect([await asked("gpt-test"), await asked("both-test"), await asked("selfhosted/local-test")]).toEqual(Array(3).fill("model_not_allowed"));
    expect(await allow(null)).toEqual({ models: null });
    expect(await asked("groq/gpt-test")).toBe("api.groq.com");
  });

  test("an alias leads to those of its targets that are allowed; one that is named, to all", async () => {
    await allow(["openai/gpt-test"]);
    expect(await asked("both-test")).toBe("api.openai.com");
    expect(await routed("both-test")).toMatchObject({
      attempts: [{ deployment: "openai/gpt-test" }],
      excluded: [{ deployment: "groq/gpt-test", reason: "not_allowed" }, { deployment: "openai/secret-test", reason: "not_allowed" }],
    });
    await allow(["mistral/*"]);
    expect(await asked("both-test")).toBe("model_not_allowed");
    await allow(["both-test"]);
    expect((await routed("both-test")).attempts.map(({ deployment }: Json) => deployment)).toEqual(["groq/gpt-test", "openai/gpt-test", "openai/secret-test"]);
    expect(await asked("groq/gpt-test"), "not under its own name").toBe("model_not_allowed");
    // What it names itself goes nowhere else either.
    expect(await asked("both-test", key, { models: ["secret-test"] })).toBe("api.groq.com");
    expect(await asked("secret-test", key, { models: ["both-test"] })).toBe("api.groq.com");
  });

  test("the refusal says whose list it is, and the reasons are the router's", async () => {
    await allow(["openai/*"]);
    const { message } = await expectRefusal(await call(key.secret, "POST", "/v1/chat/completions", { ...chatBody, model: "groq/gpt-test" }), 403, "model_not_allowed");
    expect(message).toBe('Your organisation does not allow the model "groq/gpt-test".');
    expect((await routed("groq/gpt-test")).error).toEqual({ code: "model_not_allowed", message });
    const narrow = await newKey({ models: ["secret-test"] }, key.organisation);
    expect((await expectRefusal(await call(narrow.secret, "POST", "/v1/chat/completions", { ...chatBody, model: "gpt-test" }), 403, "model_not_allowed")).message).toBe('This API key may not call the model "gpt-test".');
  });

  test("lists of models are of what is left, in each shape", async () => {
    await allow(["openai/gpt-test", "local-test"]);
    expect(await listed()).toEqual(expect.arrayContaining(["both-test", "gpt-test", "openai/gpt-test", "local-test"]));
    expect((await listed()).filter((name) => /secret-test|groq|selfhosted/.test(name))).toEqual([]);
    expect((await call(key.secret, "GET", "/v1/models/openai/secret-test")).status).toBe(404);
    const google = await (await call(key.secret, "GET", "/v1beta/models?pageSize=1000")).text();
    expect([google.includes("gpt-test"), google.includes("secret-test")]).toEqual([true, false]);
    const near = await expectRefusal(await call(key.secret, "POST", "/v1/chat/completions", { ...chatBody, model: "secret-tesd" }), 404, "model_not_found");
    expect(near.message, "no near match tells of what may not be called").not.toContain("secret-test");
  });

  test("no two organisations share one", async () => {
    const other = await newKey();
    await allow([], other);
    expect([await asked("gpt-test"), await asked("gpt-test", other)]).toEqual(["api.openai.com", "model_not_allowed"]);
  });
});

describe("the stricter holds", () => {
  test("of plan, organisation and key", async () => {
    await admin("PUT", "/plans/narrow-test", { limits: { requestsPerMinute: 100_000, concurrentRequests: 1_000 }, models: ["openai/*", "both-test"] });
    await admin("PATCH", `/organisations/${key.organisation}`, { plan: "narrow-test" });
    expect([await asked("groq/gpt-test"), await asked("both-test"), await asked("secret-test")]).toEqual(["model_not_allowed", "api.groq.com", "api.openai.com"]);
    await allow(["gpt-test"]);
    expect([await asked("groq/gpt-test"), await asked("both-test"), await asked("secret-test")], "the alias is in the plan, its model in the list").toEqual(["model_not_allowed", "api.groq.com", "model_not_allowed"]);
    await admin("PATCH", `/keys/${key.id}`, { policy: { models: ["openai/*"] } });
    expect([await asked("both-test"), await asked("secret-test")]).toEqual(["api.openai.com", "model_not_allowed"]);
  });

  test("a key may name what is outside, when it is made and when it is changed, and gets nothing by it", async () => {
    await allow(["openai/*"]);
    const made = await newKey({ models: ["groq/gpt-test"] }, key.organisation);
    expect([await asked("groq/gpt-test", made), await asked("gpt-test", made), await listed(made)]).toEqual(["model_not_allowed", "model_not_allowed", []]);
    const changed = await admin("PATCH", `/keys/${key.id}`, { policy: { models: ["groq/*", "secret-test"] } });
    expect(changed.policy.models).toEqual(["groq/*", "secret-test"]);
    expect([await asked("groq/gpt-test"), await asked("gpt-test"), await asked("secret-test")]).toEqual(["model_not_allowed", "model_not_allowed", "api.openai.com"]);
    await allow(null);
    expect(await asked("groq/gpt-test"), "once the organisation lets it").toBe("api.groq.com");
  });
});

test("no way leads to a model that is not on the list", async () => {
  await allow(["nobody/nothing"]);
  const values = { organisation: key.organisation, key: key.id, credential: "sk-0123456789abcdef", request: "req_none", other: key.id };
  const ways = routes.filter(({ by, body, free }) => by === "key" && body !== undefined && !free && JSON.stringify(body) !== "{}");
  expect(ways.length).toBeGreaterThan(25);
  for (const { route, path: at, body } of ways) {
    const response = await call(key.secret, route.split(" ")[0]!, filled(at, values), body);
    const text = await response.text();
    expect([route, response.status >= 400 && response.status < 500, prompts(left).map(({ url }) => url)], text).toEqual([route, true, []]);
  }
});

test("lines of a batch and stored responses go by the list as it is when they run", async () => {
  const response = await call(key.secret, "POST", "/v1/responses", { model: "gpt-test", input: "hi", store: true });
  expect(response.status).toBe(200);
  const { id } = await response.json<Json>();
  const { files } = isolateOf(env);
  const text = ["openai/gpt-test", "openai/secret-test"].map((model, i) => JSON.stringify({ custom_id: `id-${i}`, method: "POST", url: "/v1/chat/completions", body: { ...chatBody, model } })).join("\n");
  const body = (async function* () {
    yield new TextEncoder().encode(text);
  })();
  const input = await files.put(key.organisation, { filename: "in.jsonl", purpose: "batch", type: "application/jsonl" }, body, { mostBytes: 1e9 }, Date.now());
  await allow(["gpt-test"]);
  const batch = await (await call(key.secret, "POST", "/v1/batches", { input_file_id: input.id, endpoint: "/v1/chat/completions", completion_window: "24h" })).json<Json>();
  const run = runOf(env.BATCH_RUN, key.organisation, batch.id);
  await vi.waitFor(async () => expect((await run.face())?.batch.status).toBe("completed"), { timeout: 12_000, interval: 20 });
  const { batch: { files: made } } = (await run.face())!;
  const read = async (fileId: string): Promise<string> => new Response(await files.read((await files.find(key.organisation, fileId, Date.now()))!)).text();
  expect(await read(made.output)).toMatch(/^[^\n]*"custom_id":"id-0"[^\n]*\n$/);
  expect(await read(made.errors)).toMatch(/"custom_id":"id-1".*model_not_allowed/);

  await allow(["secret-test"]);
  left.length = 0;
  await expectRefusal(await call(key.secret, "POST", "/v1/responses", { model: "gpt-test", input: "and?", previous_response_id: id }), 403, "model_not_allowed");
  await expectRefusal(await call(key.secret, "POST", "/v1/responses", { model: "gpt-test", input: "and?", background: true }), 403, "model_not_allowed");
  expect(prompts(left)).toEqual([]);
});

describe("the admin API", () => {
  test("tells and sets it, each name once, with an audit event", async () => {
    expect(await admin("GET", path())).toEqual({ models: null });
    expect(await allow(["fast", "openai/*", "fast"])).toEqual({ models: ["fast", "openai/*"] });
    expect(await admin("GET", path())).toEqual({ models: ["fast", "openai/*"] });
    await allow(null);
    const { data } = await admin("GET", `/audit?organisation=${key.organisation}`);
    expect((data as Json[]).filter(({ action }) => action === "organisation.update").map(({ actor, subject, detail }) => ({ actor, subject, detail }))).toEqual([
      { actor: "admin", subject: key.organisation, detail: { models: null } }, { actor: "admin", subject: key.organisation, detail: { models: ["fast", "openai/*"] } },
    ]);
  });

  test.each<[string, unknown]>([
    ["no list", {}], ["a text", { models: "openai/*" }], ["an empty name", { models: [""] }], ["a name that is too long", { models: ["x".repeat(201)] }], ["too many", { models: Array.from({ length: 201 }, (_, i) => `m${i}`) }], ["another field", { models: null, plan: "free" }],
  ])("refuses %s", async (_, body) => {
    await expectRefusal(await call(env.ADMIN_SECRET, "PUT", `/admin${path()}`, body), 400, "invalid_request");
    expect(await admin("GET", path())).toEqual({ models: null });
  });

  test("knows no organisation that is none", async () => {
    for (const [method, body] of [["GET", undefined], ["PUT", { models: ["fast"] }]] as const) {
      for (const what of ["models", "rules"]) await expectRefusal(await call(env.ADMIN_SECRET, method, `/admin/organisations/org_none/${what}`, what === "rules" && body ? {} : body), 404, "not_found");
    }
  });
});
