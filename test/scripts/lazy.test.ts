/** What the Worker evaluates when it starts, and with it every call of the API: not the dashboard. */
import { build, type Metafile } from "esbuild";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

/** Files that are reached from the entry without `import()`. */
function atStart({ inputs }: Metafile, entry: string): string[] {
  const seen = new Set([entry]);
  for (const file of seen) for (const { path, kind } of inputs[file]?.imports ?? []) if (kind !== "dynamic-import") seen.add(path);
  return [...seen];
}

test("neither the dashboard's pages nor better-auth are evaluated before a browser comes, nor passkeys before somebody uses one", async () => {
  const { metafile } = await build({
    entryPoints: ["src/worker.ts"], absWorkingDir: fileURLToPath(new URL("../..", import.meta.url)), bundle: true, write: false, metafile: true, format: "esm", target: "es2024",
    conditions: ["workerd", "worker", "browser"], external: ["cloudflare:*", "node:*"], jsx: "automatic", jsxImportSource: "hono/jsx",
  });
  const started = atStart(metafile, "src/worker.ts");
  const rooms = /^src\/dashboard\/|node_modules\/(?:better-auth|@better-auth|better-call|kysely|@simplewebauthn|@peculiar|asn1js)\//;
  expect(Object.keys(metafile.inputs).filter((file) => rooms.test(file)).length, "they are in the bundle").toBeGreaterThan(100);
  expect(started.length).toBeGreaterThan(100);
  expect(started.filter((file) => rooms.test(file))).toEqual([]);

  const passkeys = /node_modules\/(?:@better-auth\/passkey|@simplewebauthn|@peculiar|asn1js)\//;
  expect(Object.keys(metafile.inputs).filter((file) => passkeys.test(file)).length, "they are in the bundle").toBeGreaterThan(20);
  expect(atStart(metafile, "src/dashboard/index.ts").filter((file) => passkeys.test(file))).toEqual([]);
});
