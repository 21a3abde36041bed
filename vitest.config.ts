import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { buildAssets } from "./scripts/assets.ts";

await buildAssets();

/** Suites that need a process, a socket or the file system run on Node; all others run inside workerd. */
const onNode = ["test/architecture.test.ts", "test/catalog/generated.test.ts", "test/conformance/**/*.test.ts", "test/protocols/translation.test.ts", "test/recorded/**/*.test.ts", "test/reference/openapi.test.ts", "test/scripts/**/*.test.ts", "test/simulation/**/*.test.ts"];

/** Suites of many cases or long waits: `npm run test:long`, in CI, and not in `npm test`. */
const long = {
  workerd: ["accounts/resealing", "limits/account-faults", "limits/alerts", "limits/key-alerts", "dashboard/operator-catalog", "dashboard/overview", "dashboard/refused", "batches/*-native", "batches/batches", "batches/native", "ledger/pains-path", "ledger/pains-price", "payments/portal", "routes/admin-catalog", "payments/webhook", "routes/brain-bounds", "routes/admin-settings", "routes/organisation-models", "routes/retention", "routes/stored-responses", "videos/callback", "security/canary", "security/routes", "routes/brought-keys", "routes/brain", "dashboard/account", "dashboard/accounts", "dashboard/passkeys", "dashboard/sign-in-elsewhere", "dashboard/bodies", "dashboard/files", "dashboard/keys", "dashboard/models", "dashboard/once", "dashboard/operator", "dashboard/operator-overview", "dashboard/playground", "dashboard/requests", "dashboard/rights", "dashboard/security", "dashboard/settings", "dashboard/settings-money", "dashboard/usage", "reference/pages"].map((name) => `test/${name}.test.ts`),
  node: ["audio", "batch-endpoints", "batches", "bedrock", "continued", "dialects", "disconnects", "documents", "files", "gemini", "guides", "hostile", "idempotency", "images", "mcp", "messages-bearer", "models-and-embeddings", "openrouter", "openrouter-images", "rhythms", "sovereign", "stalled", "stateful-responses", "thinking", "tools", "vectors", "vertex", "videos"].map((name) => `test/conformance/${name}.test.ts`)
    .concat("test/recorded/kept-likeness.test.ts", "test/simulation/exactness.test.ts", "test/simulation/membership.test.ts", "test/scripts/schema.test.ts", "test/scripts/verify-receipts.test.ts"),
};

/** Stripe's package names source maps that it does not bring along, and Vite says so of each of its 270 files. */
const withoutMaps = {
  name: "without-maps",
  load: (id: string) => (/\/node_modules\/stripe\/[^?]+\.js(?:\?|$)/.test(id) ? readFileSync(id.split("?")[0]!, "utf8").replace(/\/\/# sourceMappingURL=.*/, "") : undefined),
};

/** Suites that keep nothing in the isolate for the next one: they share one, which spares each the loading of the Worker. */
const together = ["brain", "files", "form", "protocols", "providers", "upstream", "router", "limits", "replay", "health"].map((room) => `test/${room}/**/*.test.ts`);

/** Suites that run inside the Worker's own runtime. */
const workerd = (name: string, files: { include: string[]; exclude: string[]; isolate?: boolean }) => ({
  plugins: [
    withoutMaps,
    cloudflareTest({
      // Not the bundle that wrangler.toml names: a suite and the Worker it asks are one, module by module.
      main: "./src/worker.ts",
      wrangler: { configPath: "./wrangler.toml" },
      miniflare: {
        bindings: {
          SCHEMA_SQL: readFileSync("./schema.sql", "utf8"),
          KEY_PEPPER: "test-pepper-test-pepper-test-pepper!",
          ADMIN_SECRET: "test-admin-test-admin-test-admin-test",
          CREDENTIALS_SECRET: "test-credentials-test-credentials-te",
          OPENAI_API_KEY: "sk-upstream-canary-0123456789",
          GROQ_API_KEY: "gsk-upstream-canary-0123456789",
          SOVEREIGN_ORIGIN: "http://self.example/v1",
          // Where it is; whoever calls it brings a key.
          AZURE_BASE_URL: "https://acme.openai.azure.com/openai/v1",
          // A test that means them asks for them: each retry waits.
          UPSTREAM_RETRIES: "0",
          // Films are asked after when a test wakes their objects.
          VIDEO_POLL_MS: "20000",
          STRIPE_SECRET_KEY: "sk_test_canary0123456789",
          STRIPE_WEBHOOK_SECRET: "whsec_canary0123456789",
          // How many cases test/security/sovereign.test.ts draws, where it shall be more than in `npm test`.
          ...(process.env.SOVEREIGN_CASES && { SOVEREIGN_CASES: process.env.SOVEREIGN_CASES }),
        },
        // Whatever a test does not answer itself ends here: no network, ever.
        outboundService: (request: Request) => new Response(`blocked: ${request.url}`, { status: 599 }),
      } as never,
    }),
  ],
  // Loading the Worker is part of a suite's first test, and takes seconds where much else runs.
  test: { name, setupFiles: ["./test/setup.ts"], testTimeout: 15_000, hookTimeout: 60_000, ...files },
});

/** Suites on Node. The simulation runs Durable Objects there. */
const node = (name: string, files: { include: string[]; exclude: string[] }) => ({
  resolve: { alias: { "cloudflare:workers": new URL("./test/simulation/workers.ts", import.meta.url).pathname } },
  test: { name, environment: "node" as const, testTimeout: 30_000, hookTimeout: 60_000, ...files },
});

export default defineConfig({
  test: {
    globalSetup: ["./test/support/bundled.ts"],
    // More than there are cores: suites over sockets spend much of their time waiting.
    maxWorkers: Math.ceil(availableParallelism() * 1.5),
    projects: [
      workerd("workerd", { include: ["test/**/*.test.ts"], exclude: [...onNode, ...together, ...long.workerd, "node_modules/**"] }),
      workerd("workerd, together", { include: together, exclude: [...onNode, ...long.workerd, "node_modules/**"], isolate: false }),
      node("node", { include: onNode, exclude: long.node }),
      workerd("long, workerd", { include: long.workerd, exclude: [] }),
      node("long, node", { include: long.node, exclude: [] }),
    ],
  },
});
