/** The call of a sovereign request: what reaches the origin, and that nothing reaches anything else. In the runtime's own sandbox, and without one. */
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import { selfHosted, type Endpoint } from "../../src/providers/index.ts";
import { servedBy } from "../../src/upstream/models.ts";
import { sandboxText, sandboxVersion } from "../../src/upstream/sandbox.ts";
import { send } from "../../src/upstream/send.ts";
import { objection, reach, type SovereignEnv } from "../../src/upstream/sovereign-origin.ts";
import { sovereignDial } from "../../src/upstream/sovereign.ts";
import "../../src/worker.ts";

const baseUrl = "http://self.example/v1";
const ways: [string, SovereignEnv][] = [["in the sandbox", env], ["without a loader", {}]];

type Left = { method: string; url: string; headers: Record<string, string>; body: string; redirect: string };

/** Plays the origin. Returns all that left. */
function outside(play: () => Response | Promise<Response> = () => new Response("ok")): Left[] {
  const left: Left[] = [];
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input as RequestInfo, init);
    left.push({ method: request.method, url: request.url, headers: Object.fromEntries(request.headers), body: await request.text(), redirect: request.redirect });
    return play();
  });
  return left;
}

afterEach(() => void vi.restoreAllMocks());

describe.each(ways)("%s", (_, given) => {
  const dial = sovereignDial(given, baseUrl);
  const endpoint: Endpoint = { provider: selfHosted, baseUrl, secret: "its-key", dial };
  const call = { endpoint, protocol: "openai-chat", path: "/chat/completions", body: '{"a":1.0,"ü":"\\u0000"}', headers: {}, signal: new AbortController().signal };

  test("the origin gets the request as it is and no other header, and its answer comes back as it is", async () => {
    const left = outside(() => new Response("\u0000answer\r\n\r\n", { status: 418, headers: { "x-request-id": "r1", "content-type": "text/event-stream" } }));
    const response = await send(call);
    expect([response.status, await response.text(), Object.fromEntries(response.headers)]).toEqual([418, "\u0000answer\r\n\r\n", { "x-request-id": "r1", "content-type": "text/event-stream" }]);
    const headers = { "content-type": "application/json", authorization: "Bearer its-key", "user-agent": "forge" };
    expect(left).toEqual([{ method: "POST", url: `${baseUrl}/chat/completions`, headers, body: call.body, redirect: "manual" }]);
  });

  test("its models are listed the same way", async () => {
    const left = outside(() => Response.json({ data: [{ id: "one" }] }));
    expect((await servedBy([endpoint])).models).toEqual(["one"]);
    expect(left).toMatchObject([{ method: "GET", url: `${baseUrl}/models`, headers: { authorization: "Bearer its-key" } }]);
  });

  test("a redirect is not followed", async () => {
    const left = outside(() => new Response(null, { status: 307, headers: { location: "https://evil.example/" } }));
    await expect(send(call)).rejects.toMatchObject({ code: "upstream_error", message: expect.stringMatching(/redirect \(307\)/) });
    expect(left).toHaveLength(1);
  });

  test("an origin that is away is an upstream_error", async () => {
    outside(() => Promise.reject(new Error("connect")));
    await expect(send(call)).rejects.toMatchObject({ code: "upstream_error" });
  });

  test("a call to anything but the origin rejects, and nothing leaves", async () => {
    const left = outside();
    for (const url of ["https://evil.example/v1/models", "http://self.example/admin", "http://self.example:8080/v1/models", "https://self.example/v1/models"]) {
      await expect(dial(url, { method: "POST", body: "secret" })).rejects.toThrow("Not for the sovereign origin");
    }
    expect(left).toEqual([]);
  });
});

test("the sandbox is loaded once, however many calls it makes", async () => {
  outside();
  const loaded: string[] = [];
  const LOADER: WorkerLoader = {
    get: (id, code) => env.LOADER.get(id, () => {
      loaded.push(String(id));
      return code();
    }),
    load: (code) => env.LOADER.load(code),
  };
  for (let i = 0; i < 5; i++) expect(await (await sovereignDial({ LOADER }, "http://once.example/v1")("http://once.example/v1/models", { method: "GET" })).text()).toBe("ok");
  expect(loaded).toEqual([expect.stringContaining(`sovereign ${sandboxVersion} {"baseUrl":"http://once.example/v1"}`)]);
});

describe("what may go to the origin", () => {
  const asked = (url: string, method = "POST", headers: Record<string, string> = {}): string | undefined => objection(new Request(url, { method, headers }), baseUrl);

  test.each(["/v1", "/v1/", "/v1/chat/completions", "/v1/models?after=x", "/v1/models/a..b", "/v1/./models", "/v1/x/../models"])("%s", (path) => expect(asked(`http://self.example${path}`)).toBeUndefined());
  test("at a base URL that is a whole host, everything", () => expect(objection(new Request("http://self.example/any/thing"), "http://self.example")).toBeUndefined());
  test("its default port, named", () => expect(asked("http://self.example:80/v1/models")).toBeUndefined());

  test.each([
    "https://self.example/v1/models", "http://self.example:81/v1/models", "http://self.example./v1/models", "http://self.example.evil.example/v1/models", "http://self.example@evil.example/v1/models",
    "http://x.self.example/v1/models", "http://169.254.169.254/latest/meta-data/", "http://self.example/", "http://self.example/v1x", "http://self.example/v1/../admin", "http://self.example/v1/%2e%2e/admin",
    "http://self.example/v1/..%2fadmin", "http://self.example/v1/x/..%5c..%5cadmin", "http://self.example/v1/%2e%2e%2fadmin", "http://self.example/V1/models", "http://self.example/%761/models",
  ])("not %s", (url) => expect(asked(url)).toMatch(/host, port or scheme|outside the base URL|steps up/));

  test.each(["DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"])("not by %s", (method) => expect(asked(`${baseUrl}/models`, method)).toMatch(/no method/));
  test("not as a WebSocket", () => expect(asked(`${baseUrl}/models`, "GET", { upgrade: "websocket" })).toMatch(/another protocol/));
  test("not with credentials in the URL", () => expect(objection({ method: "GET", url: "http://a:b@self.example/v1/models", headers: new Headers() }, baseUrl)).toMatch(/credentials/));
});

test("through a VPC binding the same gate is passed, and no URL is fetched", async () => {
  const left = outside();
  const vpc: Fetcher = { fetch: async (input: RequestInfo | URL) => new Response(`by VPC: ${String(input)}`), connect: () => { throw new Error("none"); } };
  const through = (url: string): Promise<Response> => reach(new Request(url), { baseUrl, vpc: "SOVEREIGN_VPC" }, { SOVEREIGN_VPC: vpc });
  expect(await (await through(`${baseUrl}/models`)).text()).toBe(`by VPC: ${baseUrl}/models`);
  expect((await through("http://self.example/admin")).headers.get("x-sovereign-gate")).toMatch("outside the base URL");
  expect(left).toEqual([]);
});

test("the sandbox's version is that of its text", async () => {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(sandboxText));
  expect(sandboxVersion).toBe([...new Uint8Array(digest).slice(0, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join(""));
});
