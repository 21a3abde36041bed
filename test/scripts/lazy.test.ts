/** What an isolate loads before it answers a call of the API: not the dashboard, and not much. The README has the figures. */
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { buildWorker, loadedAtOnce, modulesOf, type BuiltWorker } from "../../scripts/bundle.ts";

const passkeys = /node_modules\/(?:@better-auth\/passkey|@simplewebauthn|@peculiar|asn1js)\//;

/** What is loaded by the first who needs it. */
const later = {
  "the dashboard": /^src\/dashboard\//,
  "better-auth": /node_modules\/(?:better-auth|@better-auth|better-call|kysely)\//,
  "passkeys": passkeys,
  "charts": /node_modules\/d3-/,
  "alerts": /^src\/alerts\//,
  "Stripe's package": /node_modules\/stripe\//,
  "MCP's client": /node_modules\/@modelcontextprotocol\//,
};

const KiB = 1024;

let worker: BuiltWorker;
beforeAll(async () => void (worker = await buildWorker()));

const sourcesOf = (paths: string[]): string[] => paths.flatMap((path) => Object.keys(worker.metafile.outputs[path]!.inputs));
const allSources = (): string[] => sourcesOf(Object.keys(worker.metafile.outputs));

describe("what the Worker loads before it answers", () => {
  test.each(Object.entries(later))("leaves out %s", (_, kind) => {
    expect(allSources().filter((source) => kind.test(source)).length, "sources that are there").toBeGreaterThan(1);
    expect(sourcesOf(loadedAtOnce(worker)).filter((source) => kind.test(source))).toEqual([]);
  });

  test("is all that answers the API, in at most 1,700 KiB", () => {
    const loaded = loadedAtOnce(worker);
    expect(sourcesOf(loaded)).toEqual(expect.arrayContaining(["src/worker.ts", "src/app.ts", "src/pipeline/relay.ts", "src/limits/key-meter.do.ts"]));
    expect(loaded.reduce((sum, path) => sum + worker.metafile.outputs[path]!.bytes, 0)).toBeLessThan(1_700 * KiB);
  });
});

test("the dashboard is loaded without passkeys: only who uses one waits for them", () => {
  const loaded = sourcesOf(loadedAtOnce(worker, "src/dashboard/index.ts"));
  expect(loaded).toContain("src/dashboard/table.ts");
  expect(loaded.filter((source) => passkeys.test(source))).toEqual([]);
});

test("no source stands in two modules: what it holds is held once", () => {
  const sources = Object.values(worker.metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([source]) => source));
  expect(sources.length).toBeGreaterThan(1_000);
  expect(sources.filter((source, index) => sources.indexOf(source) !== index)).toEqual([]);
});

test("all of it is at most 1,280 KiB on its way to Cloudflare, in gzip", () => {
  expect(gzipSync(modulesOf(worker).map(({ contents }) => contents).join("")).length).toBeLessThan(1_280 * KiB);
});
