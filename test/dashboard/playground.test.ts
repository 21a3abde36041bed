import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { listAudit } from "../../src/accounts/audit.ts";
import { putMember } from "../../src/accounts/members.ts";
import { getKey, listKeys } from "../../src/accounts/key-record.ts";
import { add, eventsOf, nothing } from "../../src/dashboard/islands/answer.ts";
import { bodyOf, codesOf, Unsendable } from "../../src/dashboard/islands/request.ts";
import { keptOf } from "../../src/dashboard/islands/turns.ts";
import { playgroundKeyId } from "../../src/dashboard/playground-key.ts";
import { admin, answer, chatBody, eventStream, fillCatalog, hosts, outside, prompts, send, type Left } from "../security/stage.ts";
import { newMember, origin, quickPerson } from "./stage.ts";

type Member = Awaited<ReturnType<typeof newMember>>;
let left: Left[];
let developer: Member;
const chunk = (delta: object, more: object = {}): string => `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", model: "m", choices: [{ index: 0, delta, finish_reason: null }], ...more })}\n\n`;
const streamed = (): Response => eventStream(chunk({ content: "hi " }), chunk({ content: "there" }), `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", model: "m", choices: [], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } })}\n\n`, "data: [DONE]\n\n");

beforeAll(async () => {
  left = outside(({ body }) => (body.includes('"stream":true') ? streamed() : answer()));
  await fillCatalog();
  developer = await newMember("developer");
  // A settle never waits for company then (test/security/stage.ts).
  await admin("PUT", "/plans/narrow", { limits: { concurrentRequests: 100 } });
  await env.DB.prepare("UPDATE organisations SET plan_id = 'narrow' WHERE id = ?").bind(developer.organisationId).run();
});

const ask = (who: Member, body: object, { key = "", headers = {} }: { key?: string; headers?: Record<string, string> } = {}): Promise<Response> =>
  who.ask(`/playground/ask?key=${key}`, { method: "POST", body: JSON.stringify(body), headers: { origin, "sec-fetch-site": "same-origin", "content-type": "application/json", ...headers } });
/** The same, answered while it comes. */
const askStreaming = (who: Member): Promise<Response> => send("/dashboard/playground/ask", {
  method: "POST", body: JSON.stringify({ ...chatBody, stream: true, stream_options: { include_usage: true } }),
  headers: { origin, "sec-fetch-site": "same-origin", "content-type": "application/json", cookie: [...who.cookies].map(([name, value]) => `${name}=${value}`).join("; ") },
});
const codeOf = async (response: Response): Promise<[number, string]> => [response.status, (await response.json<{ error: { code: string } }>()).error.code];
const newKeyOf = async ({ organisationId }: Member, policy: object = {}): Promise<string> => (await admin("POST", "/keys", { organisation: organisationId, name: "own", policy: { limits: { concurrentRequests: 100 }, ...policy } })).id as string;

describe("a question", () => {
  test("goes through the one path in the Playground's own key's name, which has no secret, and is in its meter", async () => {
    const before = left.length;
    const [one, other] = await Promise.all([askStreaming(developer), askStreaming(developer)]);
    expect([one.status, other.status, one.headers.get("content-type")]).toEqual([200, 200, expect.stringMatching(/^text\/event-stream/)]);
    const said = nothing();
    for await (const data of eventsOf(one.body!)) add(said, JSON.parse(data));
    await other.text();
    expect(said).toMatchObject({ text: "hi there", usage: { input: 3, output: 2 } });
    const id = await playgroundKeyId(developer.organisationId, developer.email);
    expect(await listKeys(env.DB, { organisationId: developer.organisationId, limit: 10 }), "two first uses at once make one").toMatchObject([{ id, name: `Playground of ${developer.email}`, secrets: [], policy: { member: developer.email, tags: ["playground"] } }]);
    expect((await listAudit(env.DB, { organisationId: developer.organisationId, subject: id, limit: 5 })).map(({ actor, action }) => [actor, action])).toEqual([[developer.email, "key.create"]]);
    const requestId = one.headers.get("x-request-id")!;
    const entry = await vi.waitFor(async () => {
      const response = await developer.get(`/playground/requests/${requestId}`);
      expect(response.status).toBe(200);
      return response.json();
    });
    expect(entry).toEqual({ deployment: "openai/gpt-test", input: 3, output: 2, cost: "$0.000005" });
    for (const { headers, body } of left.slice(before)) expect([headers.get("cookie"), body.includes("forge-session")]).toEqual([null, false]);
  });

  test("is its person's: usage by member says so, and the member's budget holds", async () => {
    const colleague = await quickPerson();
    await putMember(env.DB, { actor: "test", nowMs: Date.now() }, developer.organisationId, { email: colleague.email, role: "developer" });
    const theirs = Object.assign(colleague, { organisationId: developer.organisationId });
    for (let i = 0; i < 2; i += 1) expect((await ask(theirs, chatBody)).status).toBe(200);
    const id = await playgroundKeyId(developer.organisationId, colleague.email);
    await vi.waitFor(async () => expect((await env.KEY_METER.getByName(id).inspect()).counters.held.requests).toBe(0));
    await env.KEY_METER.getByName(id).flush();
    const { byMember } = await admin("GET", `/usage?organisation=${developer.organisationId}`);
    expect(byMember.filter(({ member }: { member: string }) => member === colleague.email)).toMatchObject([{ requests: 2, costNanoUsd: 10_000 }]);
    await admin("PUT", `/organisations/${developer.organisationId}/budgets/theirs`, { amount: 10_001, scope: `member:${colleague.email}` });
    expect(await codeOf(await ask(theirs, chatBody))).toEqual([429, "quota_exceeded"]);
    expect((await ask(developer, chatBody)).status, "of nobody else").toBe(200);
    await admin("DELETE", `/organisations/${developer.organisationId}/budgets/theirs`);
  });

  test("counts against the key that was chosen, and meets its limits", async () => {
    const id = await newKeyOf(developer, { models: ["secret-test"] });
    expect(await codeOf(await ask(developer, chatBody, { key: id }))).toEqual([403, "model_not_allowed"]);
    const off = await newKeyOf(developer, { disabled: true });
    expect((await ask(developer, chatBody, { key: off })).status).toBe(401);
    expect(await (await developer.get(`/playground/names?key=${id}`)).json()).toEqual(["openai/secret-test", "secret-test"]);
  });

  test("never in the name of another organisation's key, from another site, or without the right", async () => {
    const foreign = await newKeyOf(await newMember("owner"));
    expect(await codeOf(await ask(developer, chatBody, { key: foreign }))).toEqual([404, "not_found"]);
    expect((await developer.get(`/playground/requests/req_1?key=${foreign}`)).status).toBe(404);
    expect((await ask(developer, chatBody, { headers: { origin: "https://evil.example" } })).status).toBe(403);
    expect((await ask(developer, chatBody, { headers: { "content-type": "text/plain" } })).status).toBe(415);
    const viewer = await newMember("viewer");
    expect((await ask(viewer, chatBody)).status).toBe(403);
    expect(await getKey(env.DB, await playgroundKeyId(viewer.organisationId, viewer.email)), "nothing comes to be by it").toBeUndefined();
  });

  test("that is sovereign leaves for nobody else", async () => {
    const before = left.length;
    const response = await ask(developer, chatBody, { headers: { "x-sovereign": "true" } });
    expect(await codeOf(response)).toEqual([503, "sovereign_unavailable"]);
    expect(prompts(left.slice(before)).filter(({ host }) => host !== hosts.selfhosted)).toEqual([]);
  });

  test("without JavaScript is answered whole, with what it took, and what it says is text", async () => {
    vi.mocked(fetch).mockImplementationOnce(async () => Response.json({ id: "c", object: "chat.completion", model: "m", choices: [{ index: 0, message: { role: "assistant", content: "<img src=x onerror=alert(1)>" }, finish_reason: "stop" }], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } }));
    const page = await (await developer.post("/playground", { model: chatBody.model, prompt: "hi", temperature: "0.5" })).text();
    expect(page).toContain("&lt;img src=x onerror=alert(1)&gt;");
    expect(page).not.toContain("<img src=x");
    expect(page).toContain("3 in, 2 out");
    expect(page).toContain("$0.000005");
    const wrong = await developer.post("/playground", { model: chatBody.model, prompt: "hi", tools: "{" });
    expect([wrong.status, (await wrong.text()).includes("This is not JSON")]).toEqual([422, true]);
    expect(await (await developer.post("/playground", { model: "no-such-model", prompt: "hi" })).text()).toContain("no-such-model");
  });
});

describe("what the form means", () => {
  const wish = { model: " m ", prompt: "hi", stream: true };

  test("is a chat request, with what is filled in and nothing else", () => {
    expect(bodyOf(wish)).toEqual({ model: "m", messages: [{ role: "user", content: "hi" }], stream: true, stream_options: { include_usage: true } });
    expect(bodyOf({ ...wish, stream: false, system: "Be brief.", temperature: "0", tokens: "20", tools: '{"type":"function"}', schema: '{"type":"object"}', images: ["data:image/png;base64,AA=="] })).toEqual({
      model: "m", messages: [{ role: "system", content: "Be brief." }, { role: "user", content: [{ type: "text", text: "hi" }, { type: "image_url", image_url: { url: "data:image/png;base64,AA==" } }] }],
      temperature: 0, max_completion_tokens: 20, tools: [{ type: "function" }], response_format: { type: "json_schema", json_schema: { name: "answer", schema: { type: "object" } } },
    });
  });

  test("goes on with a conversation: what was said, what was called and what tools said, and what a provider signed as it came", () => {
    const answer = nothing();
    const chunks = [
      { reasoning_details: [{ type: "reasoning.text", text: "Let me ", index: 0 }] }, { reasoning_details: [{ type: "reasoning.text", text: "see.", signature: "sig", index: 0 }] },
      { tool_calls: [{ index: 0, id: "call_a", type: "function", function: { name: "weather", arguments: '{"city":' }, extra_content: { google: { thought_signature: "abc" } } }] },
      { tool_calls: [{ index: 0, function: { arguments: '"Rome"}' } }, { index: 1, id: "call_b", type: "function", function: { name: "time", arguments: "{}" } }] },
    ];
    for (const delta of chunks) add(answer, { choices: [{ delta }] } as never);
    const before = [{ prompt: "Is it warm?", images: [], answer: keptOf(answer, true)!, results: ["21 degrees"] }];
    expect(bodyOf({ ...wish, prompt: "", before }).messages).toEqual([
      { role: "user", content: "Is it warm?" },
      {
        role: "assistant", content: null, reasoning_details: [{ type: "reasoning.text", text: "Let me see.", signature: "sig", index: 0 }],
        tool_calls: [{ id: "call_a", type: "function", function: { name: "weather", arguments: '{"city":"Rome"}' }, extra_content: { google: { thought_signature: "abc" } } }, { id: "call_b", type: "function", function: { name: "time", arguments: "{}" } }],
      },
      { role: "tool", tool_call_id: "call_a", content: "21 degrees" }, { role: "tool", tool_call_id: "call_b", content: "" },
    ]);
    const later = [...before, { prompt: "", images: [], answer: { ...nothing(), text: "Yes." }, results: [] }];
    expect((bodyOf({ ...wish, prompt: "Sure?", system: "Be brief.", before: later }).messages as { role: string }[]).map(({ role }) => role)).toEqual(["system", "user", "assistant", "tool", "tool", "assistant", "user"]);
    expect(() => bodyOf({ ...wish, prompt: "", before: later }), "nothing waits for an answer").toThrow(Unsendable);
  });

  test("does not go on from what said nothing, nor with calls that broke off", () => {
    const broken = { ...nothing(), text: "I will", calls: [{ id: "a", name: "weather", arguments: '{"ci' }], details: [{ type: "reasoning.text", text: "x" }] };
    expect(keptOf(broken, false)).toEqual({ ...broken, calls: [], details: [] });
    expect(keptOf({ ...broken, text: "", problem: "It broke off." }, true)).toBeUndefined();
  });

  test.each([[{ model: "" }, "model"], [{ prompt: " " }, "prompt"], [{ temperature: "3" }, "temperature"], [{ tokens: "1.5" }, "tokens"], [{ tools: "[1]" }, "tools"], [{ schema: "[]" }, "schema"]])("%j cannot be sent", (part, field) => {
    const thrown = (() => { try { return bodyOf({ ...wish, ...part }); } catch (error) { return error; } })();
    expect(thrown).toBeInstanceOf(Unsendable);
    expect((thrown as Unsendable).field).toBe(field);
  });

  test("as programs is the same request", () => {
    const full = { ...wish, prompt: 'He said "it\'s" \\ JSON\nJSON', sovereign: true, tools: '[{"type":"function","strict":true,"default":null}]' };
    const { curl, python, node } = codesOf("https://forge.example", full);
    expect(JSON.parse(/<<'JSON'\n([\s\S]*)\nJSON$/.exec(curl)![1]!)).toEqual(bodyOf(full));
    expect(curl).toContain('-H "X-Sovereign: true"');
    expect(JSON.parse(/create\((\{[\s\S]*\}), \{ headers/.exec(node)![1]!)).toEqual(bodyOf(full));
    expect(python).toContain('"strict": True');
    expect(python).toContain('"default": None');
    expect(python).toContain('extra_headers={\n    "X-Sovereign": "true",\n}');
  });
});
