/** Atlassian's Forge LLM: who may speak for whom, and what its clients read. */
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { forgeIdentityIn } from "../../src/accounts/index.ts";
import { admin, bearer, eventStream, newKey, outside, prompts, send, type Json, type Key } from "../security/stage.ts";

let app: Key;
let installation: Key;

beforeAll(async () => {
  app = await newKey({ installations: true });
  installation = await newKey({ installation: "inst-1", limits: { concurrentRequests: 100 } }, app.organisation);
});
afterEach(() => void vi.restoreAllMocks());

const forge = (said: string): Record<string, string> => ({ "forge-proxy-authorization": said });
const body = { messages: [{ role: "user", content: "What is the weather?" }], temperature: 0.9, top_p: 0.5, max_completion_tokens: 200 };
const post = (path: string, headers: Record<string, string>, json: Json = body): Promise<Response> =>
  send(path, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(json) });
const chat = (headers: Record<string, string>, json: Json = body): Promise<Response> => post("/forge/llm/groq%2Fgpt-test", headers, json);
const call = { id: "call_1", type: "function", function: { name: "weather", arguments: '{"city":"Köln"}' } };
const answered = (message: object, finish = "stop"): Response =>
  Response.json({ id: "c", object: "chat.completion", model: "m", choices: [{ index: 0, message: { role: "assistant", ...message }, finish_reason: finish }], usage: { prompt_tokens: 20, completion_tokens: 15, total_tokens: 35 } });

describe("the header", () => {
  test.each<[string, object]>([
    ["Forge as=app,id=invocation-123", { invocation: "invocation-123" }],
    ["Forge installationId=inst-1,as=app", { installation: "inst-1" }],
    ["forge  as=user , accountId=a:1 , id=x", { invocation: "x", account: "a:1" }],
    ["Bearer abc.def", { token: "abc.def" }],
  ])("%s", (said, identity) => {
    expect(forgeIdentityIn(said)).toEqual(identity);
  });

  test.each([undefined, "", "Forge", "Forge as=app", "Basic x", "Forge id=1,id=2", "Forge id=1,role=admin", "Forge id", "Forge as=root,id=1", "Forge accountId=1,id=1", "Forge as=app,accountId=1,id=1", `Forge id=${"x".repeat(600)}`])("%j is refused", (said) => {
    expect(() => forgeIdentityIn(said)).toThrow(expect.objectContaining({ code: "invalid_api_key" }));
  });
});

describe("who may call", () => {
  const meterOf = async ({ id }: Key): Promise<number> => (await env.KEY_METER.getByName(id).inspect()).counters.minute.requests;

  test.each<[string, () => Record<string, string>, () => Key]>([
    ["an installation's own key as token", () => forge(`Bearer ${installation.secret}`), () => installation],
    ["its key beside the header", () => ({ ...forge("Forge installationId=inst-1,as=app"), ...bearer(installation.secret) }), () => installation],
    ["its app's key in its name", () => ({ ...forge("Forge installationId=inst-1,as=app"), ...bearer(app.secret) }), () => installation],
    ["an app's key for itself", () => ({ ...forge("Forge as=app,id=invocation-123"), "x-api-key": app.secret }), () => app],
  ])("%s", async (_, headers, counted) => {
    outside(() => answered({ content: "Sunny." }));
    const before = await vi.waitFor(() => meterOf(counted()).catch(() => 0));
    const response = await chat(headers());
    expect([response.status, await response.text()]).toEqual([200, expect.stringContaining("Sunny.")]);
    await vi.waitFor(async () => expect(await meterOf(counted())).toBe(before + 1));
  });

  test.each<[string, () => Record<string, string>]>([
    ["nobody", () => ({})],
    ["a claim and no key", () => forge("Forge as=app,installationId=inst-1")],
    ["a token that is none", () => forge("Bearer invocation-token")],
    ["an installation for another", () => ({ ...forge("Forge installationId=inst-2"), ...bearer(installation.secret) })],
    ["an app for an installation that is not its own", () => ({ ...forge("Forge installationId=inst-9"), ...bearer(app.secret) })],
  ])("%s is refused, and nothing leaves", async (_, headers) => {
    const left = outside();
    const response = await chat(headers());
    expect([response.status, await response.json<Json>()]).toEqual([401, { code: expect.stringMatching(/^FORGE_LLMS_(?:INVALID|MISSING)_API_KEY$/), message: expect.stringMatching(/\S/) }]);
    expect(prompts(left)).toEqual([]);
  });

  test("another organisation's installation is nobody", async () => {
    const stranger = await newKey({ installations: true });
    expect((await chat({ ...forge("Forge installationId=inst-1"), ...bearer(stranger.secret) })).status).toBe(401);
  });

  test("an app whose key was revoked speaks for nobody any more", async () => {
    const gone = await newKey({ installations: true }, app.organisation);
    outside(() => answered({ content: "Sunny." }));
    const headers = { ...forge("Forge installationId=inst-1"), ...bearer(gone.secret) };
    expect((await chat(headers)).status).toBe(200);
    await admin("POST", `/keys/${gone.id}/revoke`);
    expect((await chat(headers)).status).toBe(401);
  });

  test("an installation has Atlassian's limits unless its key says otherwise", async () => {
    outside(() => answered({ content: "Sunny." }));
    expect((await chat(forge(`Bearer ${installation.secret}`))).headers.get("x-ratelimit-limit")).toBe("100");
  });

  test("a model that it may not call is its clients' own word", async () => {
    outside();
    const narrow = await newKey({ models: ["other"] });
    const response = await chat(forge(`Bearer ${narrow.secret}`));
    expect([response.status, (await response.json<Json>()).code]).toEqual([403, "FORGE_LLMS_MODEL_FORBIDDEN"]);
  });
});

describe("answers", () => {
  const ask = (json: Json, path = "/forge/llm/groq%2Fgpt-test"): Promise<Response> => post(path, forge(`Bearer ${installation.secret}`), json);

  test("have content in parts, and calls with their arguments as text or parsed", async () => {
    const left = outside(() => answered({ content: "I look.", tool_calls: [call] }, "tool_calls"));
    const told = await (await ask({ ...body, tools: [{ type: "function", function: { name: "weather", description: "", parameters: { type: "object" } } }] })).json<Json>();
    const choice = { index: 0, finish_reason: "tool_use", message: { role: "assistant", content: [{ type: "text", text: "I look." }], tool_calls: [{ ...call, index: 0 }] } };
    expect(told).toEqual({ choices: [choice], usage: { input_tokens: 20, output_tokens: 15, total_tokens: 35 } });
    expect(JSON.parse(prompts(left)[0]!.body)).toMatchObject({ model: "gpt-test", temperature: 0.9, top_p: 0.5, max_tokens: 200 });
    const parsed = await (await ask(body, "/llm/groq%2Fgpt-test")).json<Json>();
    expect(parsed.choices[0].message.tool_calls[0].function.arguments).toEqual({ city: "Köln" });
  });

  test("results of tools go back, whichever way their calls come", async () => {
    const left = outside(() => answered({ content: "Sunny." }));
    const turns = (args: unknown): Json[] => [{ role: "user", content: "hi" }, { role: "assistant", content: [], tool_calls: [{ ...call, index: 0, function: { name: "weather", arguments: args } }] }, { role: "tool", tool_call_id: "call_1", name: "weather", content: [{ type: "text", text: "sun" }] }];
    for (const args of ['{"city":"Köln"}', { city: "Köln" }]) await ask({ messages: turns(args) });
    const sent = prompts(left).map((one) => JSON.parse(one.body) as Json);
    for (const { messages } of sent) expect(messages[1].tool_calls[0].function).toEqual({ name: "weather", arguments: '{"city":"Köln"}' });
  });

  test("stream as one object a line, in ASCII, and say at last how they ended", async () => {
    const chunk = (delta: object, finish: string | null = null, more: object = {}): string => `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", model: "m", choices: [{ index: 0, delta, finish_reason: finish }], ...more })}\n\n`;
    outside(() => eventStream(chunk({ role: "assistant", content: "" }), chunk({ content: "Grüße 漢" }), chunk({ tool_calls: [{ index: 0, ...call }] }), chunk({}, "tool_calls"), chunk({}, null, { choices: [], usage: { prompt_tokens: 20, completion_tokens: 15, total_tokens: 35 } }), "data: [DONE]\n\n"));
    const response = await ask({ ...body, stream: true });
    const text = await response.text();
    expect(response.headers.get("content-type")).toBe("application/x-ndjson");
    expect(text).toMatch(/^[\x20-\x7e\n]+$/);
    const lines = text.trimEnd().split("\n").map((line) => JSON.parse(line) as Json);
    expect(lines.flatMap(({ choices }) => choices.flatMap(({ message }: Json) => message.content.map((part: Json) => part.text))).join("")).toBe("Grüße 漢");
    expect(lines.flatMap(({ choices }) => choices.flatMap(({ message }: Json) => message.tool_calls ?? []))).toEqual([{ ...call, index: 0 }]);
    expect(lines.at(-1)).toEqual({ choices: [{ index: 0, finish_reason: "tool_use", message: { role: "assistant", content: [] } }], usage: { input_tokens: 20, output_tokens: 15, total_tokens: 35 } });
    expect(lines.slice(0, -1).every(({ choices }) => choices[0].finish_reason === undefined)).toBe(true);
  });

  test("that break off end in an error, and no line says how they ended", async () => {
    outside(() => eventStream('data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"half"}}]}\n\n'));
    const lines = (await (await ask({ ...body, stream: true })).text()).trimEnd().split("\n").map((line) => JSON.parse(line) as Json);
    expect(lines.at(-1)).toEqual({ code: "FORGE_LLMS_UPSTREAM_ERROR", message: expect.stringMatching(/\S/) });
    expect(JSON.stringify(lines)).not.toContain("finish_reason");
  });

  test("the list has what this caller can call", async () => {
    outside();
    const { models } = await (await send("/forge/llm", { headers: forge(`Bearer ${installation.secret}`) })).json<{ models: Json[] }>();
    expect(models).toContainEqual({ model: "local-test", status: "active" });
  });

  test.each([[{}, "messages"], [{ messages: [] }, "messages"], [{ messages: body.messages, max_completion_tokens: -1 }, "max_completion_tokens"]])("%j is refused in its shape", async (json, field) => {
    outside();
    const response = await ask(json);
    expect([response.status, await response.json<Json>()]).toEqual([400, { code: "FORGE_LLMS_INVALID_REQUEST", message: expect.stringContaining(field) }]);
  });
});
