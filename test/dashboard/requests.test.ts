import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { isolateOf } from "../../src/pipeline/index.ts";
import type { LedgerEntry } from "../../src/ledger/entry.ts";
import { addPricedModel, admin, answer, call, chatBody, eventStream, newKey, outside, settled, type Json, type Key } from "../security/stage.ts";
import { ask as think, fillAliases, planOf, playing, said, task } from "../routes/thinkers.ts";
import { newMember } from "./stage.ts";

vi.setConfig({ testTimeout: 60_000 });

type Member = Awaited<ReturnType<typeof newMember>>;
let viewer: Member;
let stranger: Member;
let key: Key;
let other: Key;

const model = "openai/priced-test";
/** Asks once, with a key of the viewer's organisation. Returns the request's id. */
async function asked(body: Json = {}, by = key): Promise<string> {
  const response = await call(by.secret, "POST", "/v1/chat/completions", { ...chatBody, model, max_tokens: 10, ...body });
  await response.text();
  await settled(by);
  return response.headers.get("x-request-id")!;
}
const page = async (path: string, member = viewer): Promise<string> => (await member.get(path)).text();
const idsIn = (html: string): string[] => [...html.matchAll(/data-id="(\w+)"/g)].map(([, id]) => id!);
/** What stands on a page, as text. */
const textOf = (html: string): string => html.replace(/<[^>]+>/g, " ").replace(/\s+/g, " ");

beforeEach(() => void outside(({ host }) => (host === "api.groq.com" ? Response.json({ error: { message: "overloaded" } }, { status: 503, headers: { "x-request-id": "up_1" } }) : answer())));

beforeAll(async () => {
  await addPricedModel("priced-test", { input: { picoUsd: 1_000_100, validFromMs: 7 }, output: { picoUsd: 2_000_000, validFromMs: 9 } });
  [viewer, stranger] = await Promise.all([newMember("viewer"), newMember("owner")]);
  [key, other] = [await newKey({}, viewer.organisationId), await newKey({}, viewer.organisationId)];
});

describe("the list", () => {
  test("has what has ended just now, of all keys of the organisation and of no other", async () => {
    const [one, two] = [await asked(), await asked({}, other)];
    const foreign = await asked({}, await newKey({}, stranger.organisationId));
    const ids = idsIn(await page("/requests"));
    expect(ids.slice(0, 2)).toEqual([two, one]);
    expect(ids).not.toContain(foreign);
    expect(idsIn(await page("/requests", stranger))).toEqual([foreign]);
  });

  test("is filtered by key, model, end, status, cost, time and errors", async () => {
    const good = await asked({ user: "ada" }, other);
    const bad = await asked({ model: "groq/m" });
    const listed = async (query: string): Promise<[boolean, boolean]> => {
      const ids = idsIn(await page(`/requests?${query}`));
      return [ids.includes(good), ids.includes(bad)];
    };
    expect(await listed("")).toEqual([true, true]);
    expect(await listed(`key=${other.id}`)).toEqual([true, false]);
    expect(await listed(`model=${model}`)).toEqual([true, false]);
    expect(await listed("model=groq/m")).toEqual([false, true]);
    expect(await listed("end=complete")).toEqual([true, false]);
    expect(await listed("status=503")).toEqual([false, true]);
    expect(await listed("errors=on")).toEqual([false, true]);
    expect(await listed("above=0.000007")).toEqual([false, false]);
    expect(await listed("above=0.000006999")).toEqual([true, false]);
    expect(await listed("to=2026-01-01T00:00")).toEqual([false, false]);
    expect(await listed("from=2026-01-01T00:00")).toEqual([true, true]);
    const wrong = await page("/requests?status=9&from=yesterday&end=never&key=a'b&above=x");
    for (const said of ["A status such as 503.", "A day and a time", "Not one of these.", "Not a key", "An amount in US dollars"]) expect(wrong).toContain(said);
    expect(idsIn(wrong), "a filter that says nothing filters nothing").toContain(good);
  });

  test("is filtered by app, and by what keys say of themselves", async () => {
    const grace = await newKey({ member: "grace@example.com", project: "shop", tags: ["night", "eu"] }, viewer.organisationId);
    const response = await call(grace.secret, "POST", "/v1/chat/completions", { ...chatBody, model, max_tokens: 10 }, { "x-title": "Till" });
    await response.text();
    await settled(grace);
    const hers = response.headers.get("x-request-id")!;
    const plain = await asked();
    const stolen = await newKey({ member: "grace@example.com", project: "shop" }, stranger.organisationId);
    await asked({}, stolen);
    const all = await page("/requests");
    expect(idsIn(all)).toEqual(expect.arrayContaining([hers, plain]));
    expect(all).toMatch(/<td data-label="App" class="room-much">Till<\/td>/);
    for (const query of ["app=Till", "member=Grace%40example.com", "project=shop", "tag=eu", "app=Till&tag=night&errors="]) expect(idsIn(await page(`/requests?${query}`)), query).toEqual([hers]);
    for (const query of ["app=till", "member=ada%40example.com", "project=sho", "tag=ni", "app=Till&project=other"]) expect(idsIn(await page(`/requests?${query}`)), query).toEqual([]);
    expect(idsIn(await page(`/requests/new?since=${Date.now() - 60_000}&app=Till`)), "what comes while somebody looks, too").toEqual([hers]);
    expect(await page("/requests?app=Till&project=shop"), "each can be taken away").toContain('<a class="chip" href="/dashboard/requests?project=shop">App: Till');
    expect(await page("/requests?app=Till")).toMatch(/name="app"[^>]*value="Till"|value="Till"[^>]*name="app"/);
  });

  test("goes on where it ended, however many fit", async () => {
    const member = await newMember("developer");
    const at = Date.now() - 3_600_000;
    const entry = JSON.stringify({ model: "m", deployment: "openai/m", status: 200, end: "complete", usage: { inputTokens: 1, outputTokens: 1 }, costNanoUsd: 5, costSource: "price", totalMs: 7, lines: [], refused: [] });
    const rare = entry.replace('"model":"m"', '"model":"rare"');
    const id = (i: number): string => `req_${(at - i).toString(16).padStart(12, "0")}${"0".repeat(20)}`;
    await env.DB.batch([
      env.DB.prepare("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 2100) INSERT INTO requests SELECT 'req_' || printf('%012x', ?1 - i) || '00000000000000000000', ?1 - i, 'k', ?2, ?3 FROM n").bind(at, member.organisationId, entry),
      env.DB.prepare("UPDATE requests SET entry = ?1 WHERE id = ?2").bind(rare, id(2_050)),
    ]);
    const first = await page("/requests", member);
    expect(idsIn(first)).toEqual(Array.from({ length: 50 }, (_, i) => id(i)));
    const next = /href="\/dashboard(\/requests\?before=\w+)"/.exec(first)![1]!;
    expect(idsIn(await page(next, member))).toEqual(Array.from({ length: 50 }, (_, i) => id(50 + i)));
    const looked = await page("/requests?model=rare", member);
    expect(looked).toContain("None of those that were looked at fits");
    const further = /href="\/dashboard(\/requests\?model=rare&amp;before=\w+)"/.exec(looked)![1]!.replace("&amp;", "&");
    expect(idsIn(await page(further, member))).toEqual([id(2_050)]);
  });

  test("brings what ends while somebody looks, and leads to what somebody looks for", async () => {
    const since = Date.now();
    const id = await asked();
    expect(idsIn(await page(`/requests/new?since=${since}`))).toContain(id);
    expect(idsIn(await page(`/requests/new?since=${since}&errors=on`))).not.toContain(id);
    expect(idsIn(await page(`/requests/new?since=${since}`, stranger))).not.toContain(id);
    expect((await viewer.get(`/requests?id=%20${id}%20`)).headers.get("location")).toBe(`/dashboard/requests/${id}`);
    expect((await viewer.get("/requests?id=%2F..%2F..%2Fevil")).headers.get("location")).toBe("/dashboard/requests/%2F..%2F..%2Fevil");
  });
});

describe("a request", () => {
  test("tells what it used, each price, and their sum, which is the charge", async () => {
    const id = await asked();
    const text = textOf(await page(`/requests/${id}`));
    const { lines, costNanoUsd } = await (await call(key.secret, "GET", `/dashboard/requests/${id}`)).json<LedgerEntry>();
    expect(costNanoUsd).toBe(Math.round(lines.reduce((sum, { amount, picoUsd }) => sum + amount * picoUsd, 0) / 1_000));
    expect(text).toContain("Input tokens 3 $0.0000010001 $0.0000030003 Output tokens 2 $0.000002 $0.000004 Sum $0.0000070003");
    expect(text).toContain("Charged $0.000007 rounded once to a billionth of a dollar");
    expect(text).toMatch(/Asked for openai\/priced-test .*openai\/priced-test began to answer .*passed on to its end/);
  });

  test("tells who was tried before, with its words, and who was not and why", async () => {
    const name = `either-${crypto.randomUUID().slice(0, 8)}`;
    await admin("PUT", `/aliases/${name}`, { targets: ["groq/m", "mistral/none", model] });
    const text = textOf(await page(`/requests/${await asked({ model: name })}`));
    expect(text).toMatch(/2 deployments planned, in the order of the list groq\/m refused 503 upstream_error · up_1 .*openai\/priced-test began to answer/);
    expect(text).toContain("mistral/none its provider is not set up here");
  });

  const chunk = (content: string, finish: string | null = null): string => `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", model: "m", choices: [{ index: 0, delta: { content }, finish_reason: finish }], ...(finish && { usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } }) })}\n\n`;
  const whole = (): Response => eventStream(chunk("hi"), chunk("", "stop"), "data: [DONE]\n\n");
  /** A stream of a model at two providers, with the ids under which each of them has it. */
  const streamed = async (headers: Record<string, string>, play: (host: string) => Response): Promise<{ text: string; said: string }> => {
    outside(({ host }) => play(host));
    const response = await call(key.secret, "POST", "/v1/chat/completions", { ...chatBody, model: "legged", max_tokens: 50, stream: true, stream_options: { include_usage: true } }, headers);
    const said = await response.text();
    await settled(key);
    return { said, text: textOf(await page(`/requests/${response.headers.get("x-request-id")!}`)) };
  };
  const named = (response: Response, id: string): Response => new Response(response.body, { headers: { "content-type": "text/event-stream", "x-request-id": id } });

  describe("of several deployments", () => {
    beforeAll(async () => {
      await env.DB.batch([
        env.DB.prepare("INSERT OR IGNORE INTO models VALUES ('llama-3.3-legged', 'test', 'chat', '[\"text\"]', '[\"text\"]', '[\"text\"]', 100000, 100, 0)"),
        ...["openai", "groq"].flatMap((provider) => [
          env.DB.prepare("INSERT OR IGNORE INTO deployments VALUES (?, 'llama-3.3-legged', 'llama-3.3-legged')").bind(provider),
          ...["input", "output"].map((kind) => env.DB.prepare("INSERT OR IGNORE INTO prices VALUES (?, 'llama-3.3-legged', ?, 0, 0, 1000000, 'test')").bind(provider, kind)),
        ]),
      ]);
      await admin("PUT", "/aliases/legged", { targets: ["openai/llama-3.3-legged", "groq/llama-3.3-legged"] });
      await isolateOf(env).catalog.refresh(Date.now());
    });

    test("draws the one that was too slow and the one that was asked beside it, each with its id and its end", async () => {
      for (let i = 0; i < 30; i += 1) isolateOf(env).health.note("openai/llama-3.3-legged", { is: "answered", firstByteMs: 20 }, Date.now());
      const silent = (): Response => new Response(new ReadableStream({ type: "bytes", pull: () => new Promise(() => {}) }));
      const { said, text } = await streamed({ "x-forge-hedge": "true" }, (host) => (host === "api.groq.com" ? named(whole(), "up_groq") : named(silent(), "up_openai")));
      expect(said).toContain('"content":"hi"');
      expect(text).toMatch(/2 deployments planned, in the order of the list openai\/llama-3\.3-legged was asked openai-chat · outrun \+[\d.,]+ m?s groq\/llama-3\.3-legged was asked beside it, because that was slow openai-chat · up_groq · complete \+[\d.,]+ m?s The answer was passed on to its end\./);
      expect(text).toMatch(/Who had a part in it Parts Deployment Ended Tokens Cost openai\/llama-3\.3-legged outrun \d+ → 0 \$0\.\d+ groq\/llama-3\.3-legged complete 3 → 2 \$0\.000005/);
    });

    test("draws each step of what was thought about before it was answered", async () => {
      await fillAliases();
      await isolateOf(env).catalog.refresh(Date.now());
      playing((step) => (step === "plan" ? said(planOf(task("bees"), task("ants"))) : undefined));
      const response = await think({ message: "Write about bees and ants." }, key);
      await response.text();
      await settled(key);
      const text = textOf(await page(`/requests/${response.headers.get("x-request-id")!}`));
      const drawn = [...text.slice(0, text.indexOf("Price")).matchAll(/groq\/gpt-test (?:began to answer|was asked) \(([^)]+)\)/g)].map(([, step]) => step!);
      expect([drawn[0], drawn.at(-1), drawn.length], text).toEqual(["plan", "answer", 5]);
    });

    test("draws the one that broke off and the one that went on, and what both used is charged", async () => {
      const half = "One two three four five ";
      const breaking = (): Response => {
        let sent = false;
        return new Response(new ReadableStream({ type: "bytes", pull: (controller) => {
          if (sent) return controller.error(new Error("The connection broke."));
          sent = true;
          controller.enqueue(new TextEncoder().encode(chunk(half)));
        } }));
      };
      const { said, text } = await streamed({ "x-forge-continue": "true" }, (host) => (host === "api.groq.com" ? named(whole(), "up_groq") : named(breaking(), "up_openai")));
      expect([said.includes(half), said.includes('"content":"hi"'), said.includes("[DONE]")]).toEqual([true, true, true]);
      expect(text).toMatch(/openai\/llama-3\.3-legged began to answer openai-chat · up_openai · (?:provider's error|provider&#39;s error|cut off) .*groq\/llama-3\.3-legged went on where that broke off openai-chat · up_groq · complete \+[\d.,]+ m?s The answer was passed on to its end\./);
      const sums = [...text.matchAll(/Sum \$([\d.]+)/g)].map(([, sum]) => Number(sum));
      expect(sums).toHaveLength(1);
      expect(sums[0]).toBeGreaterThan(0.000005);
    });
  });

  test.each([false, true])("tells what was left out on the way, as its header did (stream: %s)", async (stream) => {
    outside(() => (stream ? eventStream('data: {"id":"c","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\n', "data: [DONE]\n\n") : answer()));
    const response = await call(key.secret, "POST", "/v1/messages", { model, max_tokens: 10, top_k: 5, stream, messages: chatBody.messages });
    await response.text();
    await settled(key);
    const losses = response.headers.get("x-forge-losses")!.split(", ");
    const id = response.headers.get("x-request-id")!;
    expect(losses).toContain("top_k");
    expect((await (await call(key.secret, "GET", `/dashboard/requests/${id}`)).json<LedgerEntry>()).losses).toEqual(losses);
    expect(textOf(await page(`/requests/${id}`))).toContain(`Left out on the way ${losses.join(" ")}`);
  });

  test("has its receipt, whose signature the public key proves", async () => {
    const html = await page(`/requests/${await asked()}`);
    const jws = /&quot;jws&quot;:&quot;([\w.-]+)&quot;/.exec(html)![1]!;
    const [header, payload, signature] = jws.split(".") as [string, string, string];
    const { keys } = await (await call(key.secret, "GET", "/.well-known/forge-receipts.json")).json<{ keys: JsonWebKey[] }>();
    const bytes = (part: string): Uint8Array => Uint8Array.fromBase64(part, { alphabet: "base64url" });
    expect(await crypto.subtle.verify("Ed25519", await crypto.subtle.importKey("jwk", keys[0]!, "Ed25519", false, ["verify"]), bytes(signature), new TextEncoder().encode(`${header}.${payload}`))).toBe(true);
    expect(html).toContain(/"hash":"(\w+)"/.exec(new TextDecoder().decode(bytes(payload)))![1]!);
  });

  test("tells of corrections, and what it comes to with them", async () => {
    const id = await asked();
    await viewer.get(`/requests/${id}`);
    await admin("POST", "/adjustments", { id: `adj_${id.slice(4)}`, request: id, nanoUsd: -1_000, reason: "Too slow" });
    await env.KEY_METER.getByName(key.id).flush();
    const text = textOf(await page(`/requests/${id}`));
    expect(text).toContain("with that it comes to $0.000006");
    expect(text).toContain("Too slow −$0.000001");
  });

  test("shows what hostile names it has as text", async () => {
    const id = await asked();
    await page("/requests");
    await env.DB.prepare("UPDATE requests SET entry = json_set(entry, '$.model', '<img src=x>', '$.deployment', '<img src=y>') WHERE id = ?").bind(id).run();
    for (const list of [await page("/requests"), await page(`/requests/new?since=${Date.now()}`), await page(`/requests/${id}`)]) {
      expect(list).toContain("&lt;img src=y&gt;");
      expect(list).not.toContain("<img");
    }
  });

  test("is not there for another organisation, by no way", async () => {
    const id = await asked();
    await page("/requests");
    for (const path of [`/requests/${id}`, "/requests/req_none", "/requests/adj_x"]) expect((await stranger.get(path)).status).toBe(404);
    expect(await page(`/requests?key=${key.id}`, stranger)).not.toContain("data-id");
    expect((await stranger.get(`/requests?key=${key.id}&model=${model}`)).status).toBe(200);
  });
});
