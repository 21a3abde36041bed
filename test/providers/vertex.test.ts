/** Vertex: who is asked in which protocol and where, and how access tokens are got for a service account. */
import { exportPKCS8, generateKeyPair, jwtVerify } from "jose";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { tryOnce } from "../../src/pipeline/attempt.ts";
import { exchangeFor, protocolsFor, reading } from "../../src/pipeline/chat.ts";
import { anthropicCountTokens, anthropicMessages, gemini, openaiChat, type Protocol } from "../../src/protocols/index.ts";
import { baseUrlsOf, providerOf, type Endpoint } from "../../src/providers/index.ts";
import { withAccess } from "../../src/upstream/index.ts";

const vertex = providerOf("vertex")!;
const baseUrl = "https://europe-west4-aiplatform.googleapis.com/v1/projects/acme/locations/europe-west4";
const tokenUrl = "https://oauth2.googleapis.com/token";
const claude = "claude-sonnet-4-5@20250929";

let publicKey: CryptoKey;
let privateKey: string;
beforeAll(async () => {
  const pair = await generateKeyPair("RS256", { extractable: true });
  publicKey = pair.publicKey;
  privateKey = await exportPKCS8(pair.privateKey);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

let accounts = 0;
/** A key file. Each has an address of its own, so that no test finds another's token. */
const keyFile = (more: object = {}): string =>
  JSON.stringify({ type: "service_account", project_id: "acme", private_key_id: "kid0", private_key: privateKey, client_email: `gateway-${(accounts += 1)}@acme.iam.gserviceaccount.com`, token_uri: tokenUrl, ...more });
const endpointOf = (secret: string, allowPrivate = false): Endpoint => ({ provider: vertex, baseUrl, secret, allowPrivate });
const attemptFor = (upstreamId: string, protocols: readonly string[], secret = "ya29.token") =>
  ({ endpoint: endpointOf(secret), upstreamId, deployment: `vertex/${upstreamId}`, vital: "", prices: [], maxOutputTokens: 4096, protocols });

/** What leaves when a client of `protocol` sends `body`. */
function exchange(upstreamId: string, protocol: Protocol, body: object) {
  const spoken = vertex.speaksFor!(upstreamId);
  const reachable = protocolsFor(protocol, new Headers());
  const protocols = [...reachable.filter((id) => id === protocol.id && spoken.includes(id)), ...spoken.filter((id) => id !== protocol.id && reachable.includes(id))];
  const text = JSON.stringify(body);
  const { path, body: sent } = exchangeFor(attemptFor(upstreamId, protocols), protocol, { text, json: { ...body }, facts: protocol.parse(body), headers: new Headers(), requestId: "req_0", startedAtMs: 0 }, reading(protocol, text));
  return { path, body: JSON.parse(String(sent)) as Record<string, unknown> };
}

test.each([
  ["europe-west4", baseUrl],
  ["global", "https://aiplatform.googleapis.com/v1/projects/acme/locations/global"],
  ["eu", "https://aiplatform.eu.rep.googleapis.com/v1/projects/acme/locations/eu"],
])("%s has its host", (VERTEX_LOCATION, url) => {
  expect(baseUrlsOf(vertex, { vars: { VERTEX_PROJECT: "acme", VERTEX_LOCATION }, allowPrivate: false })).toEqual([url]);
});

test.each([
  ["gemini-2.5-flash", "gemini-generate"], ["google/gemini-3-flash", "gemini-generate"], [claude, "anthropic-messages"],
  ["meta/llama-4-maverick-17b-128e-instruct-maas", "openai-chat"], ["deepseek-ai/deepseek-v3.1-maas", "openai-chat"], ["google/gemma-4-26b-a4b-it-maas", "openai-chat"],
])("%s speaks %s", (upstreamId, protocol) => expect(vertex.speaksFor!(upstreamId)[0]).toBe(protocol));

describe("Gemini", () => {
  const contents = [{ role: "user", parts: [{ text: "hi" }] }];
  const asked = (method: string, body: object = { contents }, model = "gemini-2.5-flash", events = true) => exchange(model, gemini(`vertex/${model}`, method, events)!, body);

  test.each([["generateContent", ""], ["streamGenerateContent", "?alt=sse"], ["countTokens", ""]])("%s passes, its model in the URL alone", (method, query) => {
    for (const model of ["gemini-2.5-flash", "google/gemini-2.5-flash"]) {
      const { path, body } = asked(method, { model: "models/theirs", contents, labels: { team: "a" } }, model);
      expect([path, body]).toEqual([`/publishers/google/models/gemini-2.5-flash:${method}${query}`, { contents, labels: { team: "a" } }]);
    }
  });

  test("a stream that a client wants as an array stays one", () => expect(asked("streamGenerateContent", undefined, undefined, false).path).toMatch(/:streamGenerateContent$/));

  test("what Vertex refuses of Gemini's API is written anew: a content without a role, ids of calls, a request within a count", () => {
    expect(asked("generateContent", { contents: [{ parts: [{ text: "hi" }] }] }).body).toEqual({ contents });
    const called = [
      { role: "model", parts: [{ functionCall: { id: "c1", name: "weather", args: { city: "Rom" } }, thoughtSignature: "c2ln" }] },
      { role: "user", parts: [{ functionResponse: { id: "c1", name: "weather", response: { output: "warm" } } }] },
    ];
    const withoutIds = JSON.parse(JSON.stringify(called).replaceAll('"id":"c1",', "")) as typeof called;
    expect(asked("generateContent", { contents: [...contents, ...called] }).body).toEqual({ contents: [...contents, ...withoutIds] });
    const counted = asked("countTokens", { generateContentRequest: { model: "models/x", contents, toolConfig: { functionCallingConfig: { mode: "AUTO" } } } });
    expect(counted).toEqual({ path: "/publishers/google/models/gemini-2.5-flash:countTokens", body: { contents } });
  });

  test("a chat client's calls and results cross without ids", () => {
    const call = { id: "c1", type: "function", function: { name: "weather", arguments: '{"city":"Rom"}' } };
    const messages = [{ role: "user", content: "hi" }, { role: "assistant", tool_calls: [call] }, { role: "tool", tool_call_id: "c1", content: "warm" }];
    const { path, body } = exchange("gemini-2.5-flash", openaiChat, { model: "m", messages, stream: true });
    expect(path).toBe("/publishers/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse");
    expect(JSON.stringify(body)).toContain('{"functionCall":{"name":"weather","args":{"city":"Rom"}}}');
    expect(JSON.stringify(body)).toContain('{"functionResponse":{"name":"weather"');
  });
});

describe("Claude", () => {
  const messages = [{ role: "user", content: "hi" }];

  test.each([[true, "streamRawPredict"], [false, "rawPredict"]] as const)("its body has the version and no model, stream %s", (stream, method) => {
    for (const model of [claude, `anthropic/${claude}`]) {
      expect(exchange(model, anthropicMessages, { model: "x", max_tokens: 5, messages, stream })).toEqual({
        path: `/publishers/anthropic/models/${claude}:${method}`, body: { max_tokens: 5, messages, stream, anthropic_version: "vertex-2023-10-16" },
      });
    }
    const crossed = exchange(claude, openaiChat, { model: "x", messages, stream });
    expect(crossed.path).toBe(`/publishers/anthropic/models/${claude}:${method}`);
    expect(crossed.body).toMatchObject({ anthropic_version: "vertex-2023-10-16", max_tokens: 4096, messages: [{ role: "user" }] });
    expect(crossed.body).not.toHaveProperty("model");
  });

  test("it counts in a model of its own, with the model in the body", () => {
    const path = "/publishers/anthropic/models/count-tokens:rawPredict";
    const named = { anthropic_version: "vertex-2023-10-16", model: claude };
    expect(exchange(`anthropic/${claude}`, anthropicCountTokens, { model: "x", messages })).toEqual({ path, body: { messages, ...named } });
    const counted = exchange(claude, gemini("x", "countTokens", false)!, { contents: [{ parts: [{ text: "hi" }] }] });
    expect(counted).toMatchObject({ path, body: { ...named, messages: [{ role: "user" }] } });
  });
});

test("all others are asked in chat completions by publisher and model", () => {
  const model = "meta/llama-4-maverick-17b-128e-instruct-maas";
  const messages = [{ role: "user", content: "hi" }];
  expect(exchange(model, openaiChat, { model: "x", messages })).toEqual({ path: "/endpoints/openapi/chat/completions", body: { model, messages } });
});

describe("an access token", () => {
  type Exchange = { url: string; init: RequestInit; form: URLSearchParams };

  /** Plays Google's server for tokens. Returns what it was asked. */
  function tokens(play: (count: number) => Response | Promise<Response> = (count) => Response.json({ access_token: `ya29.minted-${count}`, expires_in: 3599, token_type: "Bearer" })): Exchange[] {
    const asked: Exchange[] = [];
    vi.spyOn(globalThis, "fetch").mockImplementation(async (url, init) => {
      asked.push({ url: String(url), init: init!, form: new URLSearchParams(String(init!.body)) });
      return play(asked.length);
    });
    return asked;
  }
  const nowMs = Date.now();
  const tokenAt = async (secret: string, atMs = nowMs, allowPrivate = false): Promise<string> => (await withAccess(endpointOf(secret, allowPrivate), atMs)).secret!;

  test("is sent as it is, and nobody is asked for one", async () => {
    const asked = tokens();
    for (const secret of ["ya29.given", "anything that is no JSON"]) expect(await tokenAt(secret)).toBe(secret);
    expect(asked).toEqual([]);
  });

  test("is minted for a service account by a JWT that its key signs", async () => {
    const asked = tokens();
    expect(await tokenAt(keyFile({ client_email: "me@acme.iam.gserviceaccount.com" }))).toBe("ya29.minted-1");
    const [{ url, init, form }] = asked as [Exchange];
    expect([url, init.method, init.redirect, new Headers(init.headers).get("content-type")]).toEqual([tokenUrl, "POST", "manual", "application/x-www-form-urlencoded"]);
    expect([...form.keys(), form.get("grant_type")]).toEqual(["grant_type", "assertion", "urn:ietf:params:oauth:grant-type:jwt-bearer"]);
    const { payload, protectedHeader } = await jwtVerify(form.get("assertion")!, publicKey, { issuer: "me@acme.iam.gserviceaccount.com", audience: tokenUrl, currentDate: new Date(nowMs) });
    expect(protectedHeader).toEqual({ alg: "RS256", typ: "JWT", kid: "kid0" });
    const iat = Math.floor(nowMs / 1000);
    expect(payload).toMatchObject({ iat, exp: iat + 3600, scope: "https://www.googleapis.com/auth/cloud-platform" });
  });

  test("is minted once for twenty requests at a time and all after them, and anew five minutes before it ends", async () => {
    const asked = tokens();
    const secret = keyFile();
    const first = await Promise.all(Array.from({ length: 20 }, () => tokenAt(secret)));
    expect([new Set(first), asked.length]).toEqual([new Set(["ya29.minted-1"]), 1]);
    const freshMs = (3599 - 300) * 1000;
    expect(await tokenAt(secret, nowMs + freshMs - 1)).toBe("ya29.minted-1");
    const later = await Promise.all(Array.from({ length: 20 }, () => tokenAt(secret, nowMs + freshMs)));
    expect([new Set(later), asked.length]).toEqual([new Set(["ya29.minted-2"]), 2]);
  });

  test("that cannot be renewed goes on while it lasts, with a try now and then", async () => {
    const asked = tokens((count) => (count === 1 || count === 4 ? Response.json({ access_token: `ya29.minted-${count}`, expires_in: 3599 }) : new Response("away", { status: 503 })));
    const secret = keyFile();
    const dueMs = nowMs + (3599 - 300) * 1000;
    await tokenAt(secret);
    const all = await Promise.all([tokenAt(secret, dueMs), tokenAt(secret, dueMs)]);
    expect(await tokenAt(secret, dueMs + 29_000)).toBe("ya29.minted-1");
    expect([new Set(all), asked.length]).toEqual([new Set(["ya29.minted-1"]), 2]);
    expect(await tokenAt(secret, dueMs + 31_000)).toBe("ya29.minted-1");
    expect([await tokenAt(secret, dueMs + 62_000), asked.length]).toEqual(["ya29.minted-4", 4]);
  });

  test("that has ended is not used, whether or not there is another", async () => {
    tokens((count) => (count === 1 ? Response.json({ access_token: "ya29.ended", expires_in: 3599 }) : new Response("away", { status: 503 })));
    const secret = keyFile();
    await tokenAt(secret);
    await expect(tokenAt(secret, nowMs + 3599_000)).rejects.toMatchObject({ status: 502 });
  });

  test("is each account's own", async () => {
    tokens();
    expect(await Promise.all([tokenAt(keyFile()), tokenAt(keyFile())])).toEqual(["ya29.minted-1", "ya29.minted-2"]);
  });

  test("that another request never gets is not waited for longer than an exchange may take", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const asked = tokens((count) => (count === 1 ? new Promise(() => {}) : Response.json({ access_token: "ya29.second", expires_in: 3599 })));
    const secret = keyFile();
    void tokenAt(secret);
    const waiting = Promise.all([tokenAt(secret), tokenAt(secret)]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect([await waiting, asked.length]).toEqual([["ya29.second", "ya29.second"], 2]);
  });

  test.each<[string, (count: number) => Response | Promise<Response>]>([
    ["refuses", () => Response.json({ error: "invalid_grant", error_description: `no: ${privateKey}` }, { status: 400 })],
    ["redirects", () => new Response(null, { status: 307, headers: { location: "https://evil.example/" } })],
    ["is away", () => Promise.reject(new Error(`connect with ${privateKey}`))],
    ["answers with a page", () => new Response("<html>")],
    ["gives what is no token", () => Response.json({ access_token: "a\r\nx-evil: 1", expires_in: 3599 })],
    ["gives no token", () => Response.json({ id_token: "x" })],
  ])("cannot be got where the server %s: a 502 that fails over and tells nothing, and the next try asks again", async (_, play) => {
    const asked = tokens(play);
    const secret = keyFile();
    const attempt = attemptFor("gemini-2.5-flash", ["gemini-generate"], secret);
    const text = '{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}';
    const protocol = gemini("x", "generateContent", false)!;
    const spoken = exchangeFor(attempt, protocol, { text, json: {}, facts: protocol.parse(JSON.parse(text)), headers: new Headers(), requestId: "req_0", startedAtMs: 0 }, reading(protocol, text));
    for (const count of [1, 2]) {
      const tried = await tryOnce(attempt, spoken, new AbortController().signal);
      if (!("failure" in tried)) throw new Error("it answered");
      expect(tried.failure).toMatchObject({ failsOver: true, error: { code: "upstream_error", status: 502, message: expect.stringMatching(/^The gateway's own access to Google Vertex AI was refused: /) as unknown } });
      expect(tried.failure.error.message).not.toMatch(/PRIVATE|MII|gserviceaccount|evil|invalid_grant/);
      expect(tried.failure.answer).toBeUndefined();
      expect(asked.length).toBe(count);
    }
  });

  test.each<[string, object]>([
    ["no service account", { type: "authorized_user", private_key: undefined }], ["no key", { private_key: "-----BEGIN PRIVATE KEY-----\nbm8=\n-----END PRIVATE KEY-----\n" }],
    ...["http://oauth2.googleapis.com/token", "https://169.254.169.254/computeMetadata/v1/token", "https://metadata.google.internal/token", "https://localhost/token", "https://oauth2.googleapis.com:8443/token",
      "https://me:pw@oauth2.googleapis.com/token", "https://oauth2.googleapis.com/token?to=evil", "file:///etc/passwd", "token", ""].map((token_uri): [string, object] => [token_uri, { token_uri }]),
  ])("is asked of nobody for a credential with %j", async (_, more) => {
    const asked = tokens();
    await expect(tokenAt(keyFile(more))).rejects.toMatchObject({ code: "upstream_error", status: 502 });
    expect(asked).toEqual([]);
  });

  test("is asked of a private server only where the owner allows those", async () => {
    const asked = tokens();
    const secret = keyFile({ token_uri: "http://127.0.0.1:9/token" });
    await expect(tokenAt(secret)).rejects.toMatchObject({ status: 502 });
    expect(await tokenAt(secret, nowMs, true)).toBe("ya29.minted-1");
    expect(asked.map(({ url }) => url)).toEqual(["http://127.0.0.1:9/token"]);
    await expect(tokenAt(keyFile({ token_uri: "file:///etc/passwd" }), nowMs, true)).rejects.toMatchObject({ status: 502 });
  });

  test("travels to Vertex as a bearer token, the key does not, and neither comes back in an error", async () => {
    const secret = keyFile();
    const calls: Headers[] = [];
    vi.spyOn(globalThis, "fetch").mockImplementation(async (url, init) => {
      if (String(url) === tokenUrl) return Response.json({ access_token: "ya29.canary-0123456789", expires_in: 3599 });
      calls.push(new Headers(init!.headers));
      return Response.json({ error: { code: 400, message: `bad: ${new Headers(init!.headers).get("authorization")}`, status: "INVALID_ARGUMENT" } }, { status: 400 });
    });
    const attempt = attemptFor(claude, ["anthropic-messages"], secret);
    const body = { model: "x", max_tokens: 5, messages: [{ role: "user", content: "hi" }] };
    const spoken = exchangeFor(attempt, anthropicMessages, { text: JSON.stringify(body), json: body, facts: anthropicMessages.parse(body), headers: new Headers(), requestId: "req_0", startedAtMs: 0 }, reading(anthropicMessages, ""));
    const tried = await tryOnce(attempt, spoken, new AbortController().signal);
    expect(calls.map((headers) => headers.get("authorization"))).toEqual(["Bearer ya29.canary-0123456789"]);
    expect([...calls[0]!.values()].join()).not.toContain("PRIVATE");
    expect(JSON.stringify(tried)).not.toContain("canary");
    expect(tried).toMatchObject({ failure: { answer: { status: 400, body: expect.stringContaining("[redacted]") as unknown } } });
  });
});
