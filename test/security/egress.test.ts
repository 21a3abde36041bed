/** No byte leaves for a host that the plan does not name, whatever a client writes and however upstreams fail. */
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { endpoints, providers } from "../../src/providers/index.ts";
import { envName } from "../../src/providers/provider.ts";
import { admin, answer, call, chatBody, fillCatalog, hosts, newKey, outside, prompts, type Key } from "./stage.ts";

const keys: Record<string, Key> = {};

beforeAll(async () => {
  outside();
  await fillCatalog();
  keys.open = await newKey();
  keys.listed = await newKey({ models: ["gpt-test"] });
  keys.sovereign = await newKey({ sovereign: true });
  const { id } = await admin("POST", "/organisations", { name: "Sovereign", sovereign: true });
  keys.ofSovereign = await newKey({}, id);
  await admin("PUT", "/aliases/mixed", { targets: ["selfhosted/local-test", "openai/gpt-test", "groq/gpt-test"] });
  await admin("PUT", "/aliases/cloud", { targets: ["openai/gpt-test", "groq/gpt-test"] });
  await admin("PUT", "/aliases/round", { targets: ["square", "round"], confirm: true });
  await admin("PUT", "/aliases/square", { targets: ["round", "mixed"], confirm: true });
  await admin("PUT", "/aliases/local-test", { organisation: keys.open.organisation, targets: ["openai/gpt-test"] });
  vi.restoreAllMocks();
});
afterEach(() => void vi.restoreAllMocks());

const names = ["gpt-test", "openai/gpt-test", "groq/gpt-test", "selfhosted/local-test", "local-test", "selfhosted/gpt-test", "mixed", "cloud", "round", "square", "secret-test"];
const hostile = ["https://evil.example/x", "//evil.example", "openai/../../evil", "openai/https://evil.example", "openai@evil.example/x", "openai/x?host=evil.example", "openai/x#", "openai.evil.example/x", "selfhosted/../x", "/", "openai//", "..", "__proto__/x", "groq/%2e%2e", "evil.example/gpt-test"];

const ways: Record<string, () => Response | Promise<Response>> = {
  answers: answer,
  redirects: () => new Response(null, { status: 302, headers: { location: "https://evil.example/v1/chat/completions" } }),
  "redirects for good": () => new Response(null, { status: 308, headers: { location: "http://evil.example/" } }),
  refuses: () => Response.json({ error: { message: "no" } }, { status: 401 }),
  fails: () => Response.json({ error: { message: "no" } }, { status: 500, headers: { location: "https://evil.example/", link: "<https://evil.example/>; rel=next" } }),
  "is busy": () => Response.json({ error: { message: "no" } }, { status: 429 }),
  "is away": () => Promise.reject(new Error("connect")),
};

const request = fc.record({
  who: fc.constantFrom("open", "listed", "sovereign", "ofSovereign"),
  model: fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...names) }, fc.constantFrom(...hostile), fc.string({ minLength: 1, maxLength: 40 })),
  sovereign: fc.option(fc.constantFrom("true", "TRUE", "1", "yes", "on", "true, true", "\"true\"", " true ", "", "false", "0", "no"), { nil: undefined }),
  embeddings: fc.boolean(),
  more: fc.constantFrom({}, { base_url: "https://evil.example" }, { api_base: "https://evil.example" }, { provider: "evil" }, { url: "https://evil.example", host: "evil.example" }),
  ways: fc.array(fc.constantFrom(...Object.keys(ways)), { minLength: 3, maxLength: 3 }),
});

const isNo = (value: string): boolean => ["false", "0", "no"].includes(value.trim());

test("every call goes to a host of the table, and a sovereign one to the self-hosted server alone (property)", async () => {
  let reached = 0;
  await fc.assert(fc.asyncProperty(request, async ({ who, model, sovereign, embeddings, more, ways: order }) => {
    let turn = 0;
    const left = outside(() => ways[order[Math.min(turn++, order.length - 1)]!]!());
    const headers: Record<string, string> = { host: "evil.example", "x-forwarded-host": "evil.example", forwarded: "host=evil.example", ...(sovereign !== undefined && { "x-sovereign": sovereign }) };
    const [path, body] = embeddings ? ["/v1/embeddings", { model, input: "hi" }] : ["/v1/chat/completions", { ...chatBody, model }];
    const response = await call(keys[who]!.secret, "POST", path, { ...more, ...body }, headers);
    await response.arrayBuffer();
    vi.restoreAllMocks();
    const bound = who === "sovereign" || who === "ofSovereign" || (sovereign !== undefined && !isNo(sovereign));
    const allowed = bound ? [hosts.selfhosted] : Object.values(hosts);
    for (const one of prompts(left)) {
      expect(allowed).toContain(one.host);
      expect(one.url).toMatch(/^https?:\/\/[a-z.]+(\/openai)?\/v1\/(chat\/completions|embeddings)$/);
      const asked = JSON.parse(one.body) as { model: string };
      if (who === "listed") expect(asked.model).toBe("gpt-test");
    }
    expect(left.every(({ host }) => Object.values(hosts).includes(host))).toBe(true);
    reached += prompts(left).length;
    const named = /^(openai|groq|selfhosted)\//.exec(model)?.[1] as keyof typeof hosts | undefined;
    if (named) expect(prompts(left).every(({ host }) => host === hosts[named])).toBe(true);
  }), { numRuns: 400 });
  expect(reached).toBeGreaterThan(40);
}, 60_000);

describe("a sovereign request whose self-hosted server fails", () => {
  test.each(Object.keys(ways).filter((way) => way !== "answers"))("that %s goes nowhere else", async (way) => {
    const left = outside(ways[way]);
    for (const model of ["mixed", "square", "local-test", "selfhosted/local-test"]) {
      const response = await call(keys.sovereign!.secret, "POST", "/v1/chat/completions", { ...chatBody, model });
      expect(response.ok).toBe(false);
      await response.arrayBuffer();
    }
    expect(new Set(left.map(({ host }) => host))).toEqual(new Set([hosts.selfhosted]));
  });
});

describe("vars that fill a base URL", () => {
  const host = (vars: Record<string, string>): string => new URL(endpoints({ vars, allowPrivate: false }).get("workers-ai")![0]!.baseUrl).host;

  test.each(["../../..", "@evil.example/", "x@evil.example", "//evil.example", "\\evil.example", "..%2f..", "a b", "a\r\nhost: evil.example", ".evil.example", ":443@evil.example"])("%j moves no call to another host", (CLOUDFLARE_ACCOUNT_ID) => {
    expect(host({ CLOUDFLARE_ACCOUNT_ID, WORKERS_AI_API_KEY: "x" })).toBe("api.cloudflare.com");
  });

  test.each(["?x=1", "#x"])("%j is refused", (CLOUDFLARE_ACCOUNT_ID) => {
    expect(() => host({ CLOUDFLARE_ACCOUNT_ID, WORKERS_AI_API_KEY: "x" })).toThrow(/must not contain/);
  });

  test("no provider but the self-hosted one may be inside", () => {
    for (const { id, selfHosted } of providers) {
      for (const url of ["http://10.0.0.1/v1", "https://localhost./v1", "https://localhost../v1", "https://127.0.0.1.nip.io", "https://app.localtest.me", "https://router.home.arpa", "https://x.private", "https://[::ffff:7f00:1]/", "https://0/"]) {
        const place = () => endpoints({ vars: { [envName(id, "BASE_URL")]: url }, allowPrivate: false }).get(id);
        if (selfHosted) expect(place()).toBeDefined();
        else expect(place, `${id} at ${url}`).toThrow(/^Base URL of /);
      }
    }
  });
});

test("the tests themselves have no network", async () => {
  expect((await fetch("https://evil.example/")).status).toBe(599);
  expect(env.ADMIN_SECRET.length).toBeGreaterThan(31);
});
