/**
 * Clients and upstreams that mean harm, over real sockets: bytes that no client library would send, uploads that lie about
 * themselves, upstreams that echo, redirect and flood. Whatever comes: a clear answer, no exception in the log, nothing written.
 */
import OpenAI from "openai";
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startLocal, type LocalGateway } from "../../scripts/local.ts";
import { admin, createKey } from "../support/admin.ts";
import { entryOf } from "../support/entry.ts";

const openaiKey = "sk-hostile-canary-0123456789/+abc";
const groqKey = "gsk_hostile_canary_9876543210";

type Heard = { at: string; url: string; headers: IncomingHttpHeaders; body: string };
type Play = (response: ServerResponse, heard: Heard) => void;

/** A machine of the outside world. `play` is what it does with the next calls. */
class Machine {
  static answer: Play = (response) =>
    void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({
      id: "c", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }],
      usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
    }));

  readonly heard: Heard[] = [];
  play: Play = Machine.answer;
  private readonly server: Server;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
    this.server = createServer(async (request, response) => {
      let body = "";
      for await (const part of request.setEncoding("utf8")) body += part;
      if (request.url === "/v1/models") return void response.writeHead(200, { "content-type": "application/json" }).end('{"data":[{"id":"local"}]}');
      const heard = { at: this.name, url: request.url ?? "", headers: request.headers, body };
      this.heard.push(heard);
      this.play(response, heard);
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }
}

const [openai, groq, own, elsewhere] = ["openai", "groq", "own", "elsewhere"].map((name) => new Machine(name)) as [Machine, Machine, Machine, Machine];
const machines = [openai, groq, own, elsewhere];
const log: string[] = [];
let gateway: LocalGateway;
let key: { id: string; secret: string };

beforeAll(async () => {
  await Promise.all(machines.map((machine) => machine.start()));
  gateway = await startLocal({
    port: 0,
    vars: {
      ...createKey.secrets, OPENAI_API_KEY: openaiKey, OPENAI_BASE_URL: openai.url, GROQ_API_KEY: groqKey, GROQ_BASE_URL: groq.url,
      SOVEREIGN_ORIGIN: own.url, ALLOW_PRIVATE_UPSTREAMS: "true",
    },
    onLog: (line) => void log.push(line),
  });
  key = await createKey(gateway.url, { limits: { requestsPerMinute: 100_000 } });
  await admin(gateway.url, "PUT", "/aliases/mixed", { targets: ["selfhosted/local", "openai/gpt-4o-mini", "groq/llama-3.3-70b-versatile"] });
});
afterAll(async () => {
  await gateway?.stop();
  for (const machine of machines) machine.stop();
});
beforeEach(() => {
  log.length = 0;
  for (const machine of machines) {
    machine.heard.length = 0;
    machine.play = Machine.answer;
  }
});

const heard = (): string[] => machines.flatMap((machine) => machine.heard.map(({ at }) => at));
const chat = { model: "openai/gpt-4o-mini", messages: [{ role: "user", content: "hi" }] };

async function post(body: unknown, headers: Record<string, string> = {}, secret = key.secret): Promise<{ status: number; headers: Headers; text: string }> {
  const raw = typeof body === "string" || body instanceof Uint8Array ? (body as BodyInit) : JSON.stringify(body);
  const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST", body: raw, headers: { authorization: `Bearer ${secret}`, "content-type": "application/json", ...headers }, redirect: "manual",
  });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

/** Bytes as they are, and all that comes back. */
function raw(parts: (string | Uint8Array)[], { end = false }: { end?: boolean } = {}): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(Number(new URL(gateway.url).port), "127.0.0.1", () => {
      for (const part of parts) socket.write(part);
      if (end) socket.end();
    });
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    };
    const timer = setTimeout(done, 8_000);
    socket.on("data", (data: Buffer) => (text += data.toString("latin1"))).on("close", done).on("error", done);
  });
}

const head = (...lines: string[]): string =>
  ["POST /v1/chat/completions HTTP/1.1", "Host: x", `Authorization: Bearer ${key.secret}`, "Content-Type: application/json", "Connection: close", ...lines].join("\r\n") + "\r\n\r\n";
const chunked = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

function expectRefused({ status, headers, text }: { status: number; headers: Headers; text: string }, expected: number, code: string): void {
  expect([status, text.slice(0, 300)]).toEqual([expected, expect.stringContaining(`"code":"${code}"`)]);
  const { error } = JSON.parse(text) as { error: { param: string | null } };
  expect(error).toEqual({ message: expect.stringMatching(/\S/), type: expect.stringMatching(/_error$/), param: error.param, code });
  expect(headers.get("x-request-id")).toMatch(/^req_[0-9a-f]{32}$/);
  expect(headers.get("cache-control")).toBe("private, no-store");
  expect(headers.get("content-type")).toBe("application/json");
}

/** Rows that the ledger has of the key. */
async function rows(): Promise<number> {
  const answer = await fetch(`${gateway.url}/dashboard/usage`, { headers: { authorization: `Bearer ${key.secret}` } });
  return ((await answer.json()) as { totals: { requests: number } }).totals.requests;
}

const fields = `"model":"openai/gpt-4o-mini","messages":[{"role":"user","content":"hi"}]`;
const five = 5_000_000;
const bytes = (...parts: (string | number[])[]): Uint8Array => Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from(part))));

const bodies: [string, () => string | Uint8Array, number, string, string?][] = [
  ["nothing", () => "", 400, "invalid_json"],
  ["a megabyte of spaces", () => " ".repeat(1_000_000), 400, "invalid_json"],
  ["null", () => "null", 400, "invalid_json"],
  ["a list", () => "[]", 400, "invalid_json"],
  ["ten megabytes of nested arrays", () => "[".repeat(five) + "]".repeat(five), 400, "invalid_json"],
  ["ten megabytes of arrays that never close", () => "[".repeat(2 * five), 400, "invalid_json"],
  ["ten megabytes of nested objects", () => '{"a":'.repeat(1_500_000) + "1" + "}".repeat(1_500_000), 400, "invalid_json"],
  ["nested arrays as content", () => `{"model":"openai/gpt-4o-mini","messages":[{"role":"user","content":${"[".repeat(five)}${"]".repeat(five)}}]}`, 400, "invalid_json"],
  ["nested arrays as stream options", () => `{${fields},"stream":true,"stream_options":{"x":${"[".repeat(five)}${"]".repeat(five)}}}`, 400, "invalid_json"],
  ["six million empty messages", () => `{"model":"openai/gpt-4o-mini","messages":[${"{},".repeat(6_000_000)}{}]}`, 400, "invalid_json"],
  ["twice the model", () => `{"model":"openai/gpt-4o",${fields}}`, 400, "invalid_request", "model"],
  ["twice the model, once escaped", () => `{"\\u006dodel":"openai/gpt-4o",${fields}}`, 400, "invalid_request", "model"],
  ["the model in capitals as well", () => `{${fields},"MODEL":"openai/gpt-4o"}`, 400, "invalid_request", "MODEL"],
  ["twice the limit of tokens", () => `{${fields},"max_tokens":100000,"max_tokens":1}`, 400, "invalid_request", "max_tokens"],
  ["a model in __proto__", () => `{"__proto__":{"model":"openai/gpt-4o"},"messages":[{"role":"user","content":"hi"}]}`, 400, "invalid_request", "model"],
  ["an infinite number", () => `{${fields},"max_tokens":1e999}`, 400, "invalid_request", "max_tokens"],
  ["a number of 23 digits", () => `{${fields},"max_tokens":99999999999999999999999}`, 400, "invalid_request", "max_tokens"],
  ["a lone surrogate as model", () => `{"model":"\\ud800","messages":[{}]}`, 400, "invalid_request", "model"],
  ["a NUL in the model", () => `{"model":"a\\u0000b","messages":[{}]}`, 400, "invalid_request", "model"],
  ["a header in the model", () => `{"model":"openai/x\\r\\nSet-Cookie: a=1","messages":[{}]}`, 400, "invalid_request", "model"],
  ["a model of ten thousand characters", () => `{"model":"${"a".repeat(10_000)}","messages":[{}]}`, 400, "invalid_request", "model"],
  ["broken UTF-8", () => bytes(`{"model":"openai/gpt-4o-mini","messages":[{"role":"user","content":"`, [0xff, 0xc0, 0xaf], `"}]}`), 400, "invalid_json"],
  ["half a character at the end", () => bytes(`{${fields}}`, [0xe2, 0x82]), 400, "invalid_json"],
  ["an encoded surrogate", () => bytes(`{${fields},"user":"`, [0xed, 0xa0, 0x80], `"}`), 400, "invalid_json"],
  ["a byte order mark", () => bytes([0xef, 0xbb, 0xbf], `{${fields}}`), 400, "invalid_json"],
  ["UTF-16", () => Buffer.from(`{${fields}}`, "utf16le"), 400, "invalid_json"],
  ["a NUL behind", () => `{${fields}}\0`, 400, "invalid_json"],
  ["something behind", () => `{${fields}} {"model":"openai/gpt-4o"}`, 400, "invalid_json"],
  ["comments", () => `{${fields} /* x */}`, 400, "invalid_json"],
  ["NaN", () => `{${fields},"temperature":NaN}`, 400, "invalid_json"],
  ["thirty megabytes", () => Buffer.alloc(30 << 20, 32), 413, "request_too_large"],
];

describe("bodies", () => {
  test.each(bodies)("%s", async (_, body, status, code, param) => {
    const answer = await post(body());
    expectRefused(answer, status, code);
    expect((JSON.parse(answer.text) as { error: { param: string | null } }).error.param).toBe(param ?? null);
    expect(answer.text.length).toBeLessThan(1_000);
    expect([heard(), log]).toEqual([[], []]);
  });

  test.each([
    ["text/plain", {}], ["application/x-www-form-urlencoded", {}], ["multipart/form-data; boundary=x", {}], ["application/json-seq", {}], ["application/jsonp", {}],
    ["application/json; charset=utf-16", {}], ["application/json", { "content-encoding": "gzip" }], ["application/json", { "content-encoding": "br" }],
  ])("as %s %j", async (type, more) => {
    expectRefused(await post(chat, { "content-type": type, ...more }), 415, "unsupported_media_type");
    expect([heard(), log]).toEqual([[], []]);
  });

  test.each(["application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"', "application/vnd.api+json", "application/json;"])("%s is JSON", async (type) => {
    expect((await post(chat, { "content-type": type })).status).toBe(200);
  });

  test("what is odd but right arrives as it is", async () => {
    const body = `{ "seed":12345678901234567890123, ${fields} ,"user":"\\ud800","__proto__":{"a":1},"x":1.10e+0,"constructor":null}`;
    expect((await post(body)).status).toBe(200);
    expect(openai.heard[0]!.body).toBe(body.replace("openai/gpt-4o-mini", "gpt-4o-mini"));
  });

  test("nothing of all that is in the ledger", async () => {
    const before = await rows();
    for (const [, body] of bodies.slice(10)) await post(body());
    expect(await rows()).toBe(before);
    expect(log).toEqual([]);
  });
});

describe("uploads that lie", () => {
  const whole = `{${fields}}`;

  test.each<[string, string[], boolean, RegExp]>([
    ["a chunk size that is none", ["Transfer-Encoding: chunked", "zz\r\nhello\r\n0\r\n\r\n"], false, /^HTTP\/1.1 400 [^]*"code":"invalid_request"/],
    ["a chunk that never comes", ["Transfer-Encoding: chunked", "ffff\r\nhello"], true, /^HTTP\/1.1 400 [^]*"code":"invalid_request"/],
    ["a body shorter than its length", ["Content-Length: 1000", whole], true, /^HTTP\/1.1 400 [^]*"code":"invalid_request"/],
    ["a length of 30 MB and no body", [`Content-Length: ${30 << 20}`, ""], false, /^HTTP\/1.1 413 [^]*"code":"request_too_large"/],
    ["a negative length", ["Content-Length: -5", whole], false, /^HTTP\/1.1 400 /],
    ["two lengths", [`Content-Length: 5\r\nContent-Length: ${whole.length}`, whole], false, /^HTTP\/1.1 400 /],
    ["a length that is no number", ["Content-Length: 1e3", whole], false, /^HTTP\/1.1 400 /],
    ["a line break in a header", [`X-A: a\rSet-Cookie: x=1\r\nContent-Length: ${whole.length}`, whole], false, /^HTTP\/1.1 400 /],
    ["a NUL in a header", [`X-A: a\0b\r\nContent-Length: ${whole.length}`, whole], false, /^HTTP\/1.1 400 /],
  ])("%s", async (_, [line, body], end, expected) => {
    const answer = await raw([head(line!), body!], { end });
    expect(answer).toMatch(expected);
    expect(answer).not.toMatch(/set-cookie/i);
    expect([heard(), log]).toEqual([[], []]);
  });

  test("a length beside chunks counts for nothing, and hides no second request", async () => {
    const smuggled = `${chunked(whole)}0\r\n\r\nGET /admin/keys HTTP/1.1\r\nHost: x\r\n\r\n`;
    const answer = await raw([head("Content-Length: 5", "Transfer-Encoding: chunked"), smuggled]);
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200"]);
    expect(openai.heard[0]!.body).toBe(whole.replace("openai/gpt-4o-mini", "gpt-4o-mini"));
  });

  test("30 MB in chunks", async () => {
    const megabyte = chunked(" ".repeat(1 << 20));
    expect(await raw([head("Transfer-Encoding: chunked"), ...Array.from({ length: 30 }, () => megabyte), "0\r\n\r\n"])).toMatch(/^HTTP\/1.1 413 [^]*"code":"request_too_large"/);
  });

  test("whoever is refused early still hears why, however much he sends", async () => {
    const twentyFive = Buffer.alloc(25 << 20, 32);
    for (let i = 0; i < 4; i += 1) {
      expectRefused(await post(twentyFive, {}, "sk-forge-nonsense"), 401, "invalid_api_key");
      expectRefused(await post(twentyFive, { "content-type": "text/plain" }), 415, "unsupported_media_type");
      expectRefused(await post(twentyFive), 413, "request_too_large");
    }
  });

  test("headers of 100 KB, and five thousand of them, are not our trouble", async () => {
    for (const more of [`X-A: ${"a".repeat(100_000)}`, Array.from({ length: 5_000 }, (_, i) => `x-${i}: 1`).join("\r\n")]) {
      expect(await raw([head(more, `Content-Length: ${whole.length}`), whole])).toMatch(/^HTTP\/1.1 (200|4\d\d) /);
    }
    expect(log).toEqual([]);
    for (const { headers } of openai.heard) expect(Object.keys(headers).filter((name) => name.startsWith("x-"))).toEqual([]);
  });
});

test("none of the client's headers goes on", async () => {
  const more = {
    cookie: "a=b", "x-api-key": key.secret, "api-key": key.secret, "openai-organization": "org-of-client", "anthropic-version": "1", traceparent: "00-x", "idempotency-key": "z",
    "x-forwarded-for": "1.2.3.4", "x-forwarded-host": "elsewhere.example", "user-agent": "client/1", accept: "x/y", "accept-language": "de", origin: "https://x.example", "x-stainless-lang": "js",
  };
  expect((await post(chat, more)).status).toBe(200);
  const { headers, url } = openai.heard[0]!;
  expect(url).toBe("/v1/chat/completions");
  // cf-worker is the runtime's own.
  expect(headers).toEqual({ host: new URL(openai.url).host, "content-length": expect.any(String), "content-type": "application/json", "user-agent": "forge", authorization: `Bearer ${openaiKey}`, "cf-worker": expect.any(String) });
  expect(JSON.stringify(openai.heard)).not.toContain(key.secret);
});

describe("addresses", () => {
  test.each<[string, string, number]>([
    ["GET", "//admin/keys", 404], ["GET", "/admin%2Fkeys", 404], ["GET", "/v1/../admin/keys", 404], ["GET", "/%61dmin/keys", 401], ["GET", "/ADMIN/keys", 404],
    ["GET", "http://elsewhere.example/admin/keys", 401], ["GET", "/admin/keys/../../health", 401], ["GET", "/v1/models/%ff%00", 404], ["GET", "/%00", 404], ["GET", `/${"a".repeat(7_000)}`, 404],
    ["GET", "/dashboard/requests/%0d%0aSet-Cookie:%20x=1", 404], ["GET", "/dashboard/requests/' OR 1=1 --".replaceAll(" ", "%20"), 404], ["TRACE", "/v1/chat/completions", 405],
    ["POST", "/health", 405], ["DELETE", "/dashboard/usage", 405], ["OPTIONS", "/v1/models", 405], ["GET", "/%3Cscript%3Ealert(1)%3C/script%3E", 404], ["GET", "/v1/models/%3Cimg%20src=x%3E", 404],
  ])("%s %s", async (method, path, status) => {
    const answer = await raw([`${method} ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key.secret}\r\nConnection: close\r\n\r\n`]);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    const [headers, body] = answer.split("\r\n\r\n") as [string, string];
    expect(headers).not.toMatch(/set-cookie|access-control/i);
    expect(headers).toMatch(/^content-type: application\/json\r?$/im);
    expect(headers).toMatch(/^x-request-id: req_/im);
    expect(body.length).toBeLessThan(700);
    expect(log).toEqual([]);
  });
});

describe("a sovereign request", () => {
  test.each(["true", "TRUE", "1", " true ", "yes", "on", "required", "true, true", '"true"', ""])("said as %j stays in the house, and waits there when the house is down", async (value) => {
    own.play = (response) => void response.socket!.destroy();
    for (const model of ["openai/gpt-4o-mini", "gpt-4o-mini", "groq/llama-3.3-70b-versatile"]) expectRefused(await post({ ...chat, model }, { "x-sovereign": value }), 503, "sovereign_unavailable");
    for (const model of ["mixed", "selfhosted/local", "local"]) expectRefused(await post({ ...chat, model }, { "x-sovereign": value }), 503, "sovereign_unavailable");
    expect(new Set(heard())).toEqual(new Set(["own"]));
  });

  test("by its key, whatever its headers say", async () => {
    const { secret } = await createKey(gateway.url, { sovereign: true });
    own.play = (response) => void response.writeHead(307, { location: `${elsewhere.url}/chat/completions` }).end();
    for (const value of ["false", "0", "no"]) {
      expectRefused(await post(chat, { "x-sovereign": value }, secret), 503, "sovereign_unavailable");
      expectRefused(await post({ ...chat, model: "mixed" }, { "x-sovereign": value }, secret), 503, "sovereign_unavailable");
    }
    expect(new Set(heard())).toEqual(new Set(["own"]));
  });

  test("said twice, in two headers", async () => {
    const body = JSON.stringify(chat);
    expect(await raw([head("X-Sovereign: false", "X-Sovereign: true", `Content-Length: ${body.length}`), body])).toMatch(/^HTTP\/1.1 503 [^]*sovereign_unavailable/);
    expect(heard()).toEqual([]);
  });
});

describe("an upstream", () => {
  test.each([301, 302, 303, 307, 308])("that redirects with %i is not followed", async (status) => {
    openai.play = (response) => void response.writeHead(status, { location: `${elsewhere.url}/chat/completions` }).end();
    expectRefused(await post(chat), 502, "upstream_error");
    expect(heard()).toEqual(["openai"]);
  });

  test.each([400, 401, 402, 403, 404, 409, 422, 429, 500, 503])("that echoes our key with %i gives it to nobody", async (status) => {
    openai.play = (response, { headers }) => {
      const told = JSON.stringify({ error: { message: `Incorrect key ${openaiKey}, sent as ${headers.authorization}`, type: "x", param: openaiKey, code: "bad_key" } });
      response.writeHead(status, { "content-type": "application/json", "x-request-id": `id-${openaiKey}`, "retry-after": openaiKey }).end(status % 2 ? told : told.replaceAll("/", "\\/"));
    };
    const answer = await post(chat);
    expect([400, 404, 409, 422, 429, 500, 502, 503]).toContain(answer.status);
    const entry = JSON.stringify(await entryOf(gateway.url, key.secret, answer.headers.get("x-request-id")));
    for (const text of [answer.text, JSON.stringify([...answer.headers]), entry, log.join()]) expect(text).not.toMatch(/hostile-canary|0123456789\\?\/\+abc/);
    expect(answer.text).toContain(status === 401 || status === 402 || status === 403 ? "OpenAI" : "[redacted]");
  });

  test("that echoes our key inside an answer or a stream gives it to nobody", async () => {
    const told = JSON.stringify({ error: { message: `Incorrect key ${openaiKey}`, type: "x", param: null, code: "bad_key" } });
    for (const [type, body, more] of [["application/json", told, {}], ["text/event-stream", `data: ${told}\n\n`, { stream: true }], ["text/event-stream", `data: ${told}\n\n`, { stream: true, stream_options: { include_usage: true } }]] as const) {
      openai.play = (response) => void response.writeHead(200, { "content-type": type }).end(body);
      const { text } = await post({ ...chat, ...more });
      expect(text).toContain("Incorrect key [redacted]");
      expect(text).not.toContain("hostile-canary");
    }
  });

  test("with an error of 10 MB is cut short", async () => {
    openai.play = (response) => void response.writeHead(400, { "content-type": "application/json" }).end(JSON.stringify({ error: { message: "x".repeat(10 << 20) } }));
    const answer = await post(chat);
    expectRefused(answer, 400, "upstream_refused");
    expect(answer.text.length).toBeLessThan(500);
  });

  const hostile = {
    "set-cookie": "a=b", "x-ratelimit-limit": "999999", "x-ratelimit-remaining": "999999", "access-control-allow-origin": "*", "access-control-allow-credentials": "true",
    "cache-control": "public, max-age=9999", "x-request-id": "theirs", location: "https://elsewhere.example", "openai-organization": "org-of-the-owner", "x-should-retry": "true",
    "content-security-policy": "x", link: "<x>; rel=preload", refresh: "0;url=https://elsewhere.example", "clear-site-data": '"*"', "x-forge-secret": "1", server: "theirs", "retry-after": "<b>7</b>",
  };
  const names = ["cache-control", "connection", "content-length", "content-type", "date", "keep-alive", "request-id", "retry-after", "transfer-encoding", "vary", "x-content-type-options", "x-forge-cost", "x-forge-route", "x-ratelimit-limit", "x-ratelimit-remaining", "x-request-id"];

  test.each<[string, number, string, string]>([
    ["an answer", 200, "application/json", "{}"], ["a page", 200, "text/html", "<script>alert(1)</script>"], ["a drawing", 200, "image/svg+xml", "<svg onload=alert(1)>"],
    ["a stream", 200, "text/event-stream", "data: [DONE]\n\n"], ["a refusal", 429, "application/json", '{"error":{"message":"a\\r\\nSet-Cookie: x=1\\r\\n\\r\\n<script>","type":"t","param":null,"code":"c"}}'], ["a failure", 500, "text/html", "<h1>x</h1>"],
  ])("with hostile headers on %s: none of them goes out", async (_, status, type, body) => {
    openai.play = (response) => void response.writeHead(status, { ...hostile, "content-type": type }).end(body);
    const { headers } = await post(chat);
    expect([...headers.keys()].filter((name) => !names.includes(name))).toEqual([]);
    expect(headers.get("x-request-id")).toMatch(/^req_/);
    expect(headers.get("x-ratelimit-limit")).toBe("100000");
    expect(headers.get("cache-control")).toBe("private, no-store");
    expect(headers.get("content-type")).not.toMatch(/html|svg/);
    expect(headers.get("retry-after") ?? "").not.toContain("<");
  });

  test("that does not speak HTTP is a 502", async () => {
    for (const words of ["", "SSH-2.0-x\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "HTTP/1.1 999 Odd\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\n{}"]) {
      openai.play = (response) => void response.socket!.end(words);
      expectRefused(await post(chat), 502, "upstream_error");
    }
    expect(log).toEqual([]);
  });
});

describe("OpenAI's own SDK throws its own class", () => {
  const refuse = (status: number, code: string): Play => (response) =>
    void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ error: { message: "no", type: "t", param: null, code } }));
  const policy = (more: object): Promise<{ id: string; secret: string }> => createKey(gateway.url, more as Record<string, unknown>);

  const cases: [number, string, new (...more: never[]) => Error, () => Promise<{ secret?: string; body?: object; play?: Play }>][] = [
    [400, "invalid_request", OpenAI.BadRequestError, async () => ({ body: { n: 0 } })],
    [401, "invalid_api_key", OpenAI.AuthenticationError, async () => ({ secret: "sk-forge-nonsense" })],
    [401, "key_revoked", OpenAI.AuthenticationError, async () => {
      const { id, secret } = await policy({});
      await admin(gateway.url, "POST", `/keys/${id}/revoke`);
      return { secret };
    }],
    [402, "insufficient_credits", OpenAI.APIError, async () => ({ secret: (await policy({ limits: { budgetNanoUsd: 1 } })).secret })],
    [403, "model_not_allowed", OpenAI.PermissionDeniedError, async () => ({ secret: (await policy({ models: ["gpt-4o"] })).secret })],
    [404, "model_not_found", OpenAI.NotFoundError, async () => ({ body: { model: "gpt-4o-minj" } })],
    [413, "request_too_large", OpenAI.APIError, async () => ({ body: { user: "x".repeat(21 << 20) } })],
    [429, "token_rate_limit_exceeded", OpenAI.RateLimitError, async () => ({ secret: (await policy({ limits: { tokensPerMinute: 1 } })).secret })],
    [429, "quota_exceeded", OpenAI.RateLimitError, async () => ({ secret: (await policy({ limits: { monthlyTokens: 1 } })).secret })],
    [502, "upstream_error", OpenAI.InternalServerError, async () => ({ play: refuse(401, "theirs") })],
    [503, "sovereign_unavailable", OpenAI.InternalServerError, async () => ({ secret: (await policy({ sovereign: true })).secret })],
    [503, "no_provider", OpenAI.InternalServerError, async () => ({ body: { model: "azure/gpt-4o" } })],
  ];

  test.each(cases)("%i %s", async (status, code, kind, prepare) => {
    const { secret = key.secret, body, play = Machine.answer } = await prepare();
    openai.play = play;
    const sdk = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: secret, maxRetries: 0 });
    const error = await sdk.chat.completions.create({ ...chat, ...body } as OpenAI.ChatCompletionCreateParamsNonStreaming).then(() => undefined, (thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(kind);
    expect(error).toMatchObject({ status, code });
    const { error: told, requestID, headers } = error as InstanceType<typeof OpenAI.APIError>;
    expect(told).toEqual({ message: expect.stringMatching(/\S/), type: expect.stringMatching(/_error$|^insufficient_quota$/), param: (told as { param: unknown }).param, code });
    expect(requestID).toMatch(/^req_/);
    expect(headers!.get("cache-control")).toBe("private, no-store");
    expect(log).toEqual([]);
  });

  test("a near match is named, and only one that the key may call", async () => {
    expect((await post({ ...chat, model: "gpt-4o-minj" })).text).toMatch(/Did you mean [^"]*gpt-4o-mini/);
    const { secret } = await policy({ models: ["gpt-4o"] });
    expect((await post({ ...chat, model: "gpt-4o-minj" }, {}, secret)).text).not.toMatch(/gpt-4o-mini/);
  });
});
