/** The selftest of what holds a sovereign call: sealed on this runtime, and not where something is left open on purpose. */
import { env, exports } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { selfHosted, type Endpoint } from "../../src/providers/index.ts";
import { ambient, throughOrigin, throughRedirect } from "../../src/upstream/breakouts.ts";
import { sandboxCode } from "../../src/upstream/sandbox.ts";
import { selftest, tryIn } from "../../src/upstream/sovereign-selftest.ts";
import "../../src/worker.ts";

const baseUrl = "http://self.example/v1";
const endpoint: Endpoint = { provider: selfHosted, baseUrl, secret: "its-key-canary" };
const names = Object.keys({ ...ambient, ...throughOrigin, ...throughRedirect });
let left: string[];

beforeEach(() => {
  left = [];
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input) => {
    left.push(input instanceof Request ? input.url : String(input));
    return Response.json({ data: [] });
  });
});
afterEach(() => void vi.restoreAllMocks());

const origin = (): Fetcher => exports.SovereignOrigin({ props: { baseUrl } });

test("every way out is tried and blocked, and only the model list is asked of the origin", async () => {
  const report = await selftest(env, [endpoint]);
  expect(report.origins[0]!.attempts.filter(({ blocked }) => !blocked)).toEqual([]);
  expect(report.origins[0]!.attempts.map(({ attempt }) => attempt)).toEqual(names);
  expect(report).toMatchObject({ sealed: true, sandbox: "worker_loader", transport: "url", origins: [{ origin: baseUrl, transport: "url", reachable: true, status: 200 }] });
  expect(left).toEqual([`${baseUrl}/models`]);
  expect(JSON.stringify(report)).not.toContain("canary");
});

test("whoever has the admin secret can ask for it", async () => {
  const response = await exports.default.fetch("https://forge.example/admin/sovereign/selftest", { headers: { authorization: `Bearer ${env.ADMIN_SECRET}` } });
  expect(await response.json()).toMatchObject({ sealed: true, sandbox: "worker_loader", origins: [{ origin: baseUrl, reachable: true, status: 200 }] });
});

test.each(["https://whole.example:8443", "http://[::1]:11434/v1", "http://10.0.0.7/a/b"])("%s is sealed too, and an origin that is away is said to be", async (other) => {
  vi.spyOn(globalThis, "fetch").mockRejectedValue(new Error("connect"));
  const report = await selftest(env, [{ ...endpoint, baseUrl: other }]);
  expect(report.origins[0]!.attempts.filter(({ blocked }) => !blocked)).toEqual([]);
  expect(report).toMatchObject({ sealed: true, origins: [{ origin: other, reachable: false }] });
});

test("without a loader nothing is sent, nothing is called blocked, and it says why", async () => {
  const { origins: [one], ...report } = await selftest({}, [endpoint]);
  expect(report).toEqual({ sealed: false, sandbox: "none", transport: "url" });
  expect(one!.attempts.map(({ attempt }) => attempt)).toEqual(names);
  for (const { blocked, how } of one!.attempts) expect([blocked, how]).toEqual([false, expect.stringMatching(/^not tested: no loader/)]);
  expect(left).toEqual([`${baseUrl}/models`]);
});

test("where there is no origin nothing is sealed", async () => {
  expect(await selftest(env, [])).toEqual({ sealed: false, sandbox: "worker_loader", transport: "url", origins: [] });
});

const all = { ...ambient, ...throughOrigin };

/** Attempts that were not blocked in a sandbox that is left open in one way. */
async function open(change: Partial<WorkerLoaderWorkerCode>, attempts: Readonly<Record<string, string>> = all): Promise<string[]> {
  const tried = await tryIn(env.LOADER.load({ ...sandboxCode(origin()), ...change }), baseUrl, attempts);
  return tried.filter(({ blocked }) => !blocked).map(({ attempt }) => attempt);
}

test("it fails where the sandbox has a network", async () => {
  // Only by fetch, which ends at the tests' own outside.
  const fetches = Object.fromEntries(Object.entries(ambient).filter(([name]) => name.startsWith("fetch of ")));
  const found = await open({ globalOutbound: undefined }, fetches);
  expect(found).toEqual(Object.keys(fetches));
  expect(found.length).toBeGreaterThan(4);
});

test("it fails where all that the sandbox fetches is passed on to somebody", async () => {
  expect(await open({ globalOutbound: exports.default({ props: {} }) })).toEqual(expect.arrayContaining(["fetch of another host over https", "fetch of the metadata address"]));
});

test("it fails where the origin's gate is open", async () => {
  const found = await open({ env: { ORIGIN: exports.default({ props: {} }) } });
  expect(found).toEqual(expect.arrayContaining(["ORIGIN: another host", "ORIGIN: another port", "ORIGIN: another scheme", "ORIGIN: a path outside the base URL", "ORIGIN: a path that steps up", "ORIGIN: another method"]));
});

test("it fails where the sandbox is given more than the origin", async () => {
  expect(await open({ env: { ORIGIN: origin(), ADMIN_SECRET: "x" } })).toEqual(["env of cloudflare:workers", "env of the sandbox"]);
});

test("it fails where there are Node's modules", async () => {
  expect(await open({ compatibilityFlags: ["nodejs_compat"] }, ambient)).toEqual(expect.arrayContaining(["import of node:net", "import of node:http", "import of node:dns"]));
});
