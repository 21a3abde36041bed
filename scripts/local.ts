/**
 * Forge on this machine, on the runtime it is deployed to: `npm start`, the tests over real sockets, the benchmark and
 * the chaos run all start the Worker through here.
 */
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare, type V4MiniflareOptions } from "miniflare";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import { buildAssets } from "./assets.ts";
import { bundledBefore, bundleWorker } from "./bundle.ts";
import { liftedChecks, missingColumns, tablesIn, tablesQuery } from "./schema.ts";
import { quietEnv } from "./wrangler.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

export type LocalOptions = {
  /** 0 picks a free port. */
  port: number;
  /** Folder for D1, Durable Objects, R2 and the Queue; omitted = in memory. */
  stateDir?: string;
  /** Vars and secrets, as `.dev.vars` would give them. */
  vars: Record<string, string>;
  /** Called with each line the Worker logs; omitted = printed. */
  onLog?: (line: string) => void;
  /** true: its isolates can be looked into, through `mf.getInspectorURL()`. */
  inspected?: boolean;
  /** Answers whatever the Worker calls; omitted = the network does. */
  outbound?: (request: Request) => Promise<Response>;
};

/** A running gateway. `url` has no trailing slash; `stop` drains, `mf` is the runtime for tests that look inside. */
export type LocalGateway = { url: string; mf: Miniflare; stop: () => Promise<void> };

/** Starts the gateway with its tables and its catalog of models, and returns once it answers. */
export async function startLocal(options: LocalOptions): Promise<LocalGateway> {
  Object.assign(process.env, quietEnv);
  const { workerOptions } = unstable_getMiniflareWorkerOptions(`${root}wrangler.toml`);
  if (!bundledBefore()) await buildAssets();
  if (options.stateDir) mkdirSync(options.stateDir, { recursive: true });
  const { assets, ...own } = workerOptions;
  const forge = {
    ...own,
    name: "forge",
    modules: (await bundleWorker()).map((module) => ({ type: "ESModule" as const, ...module })),
    bindings: { ...(own.bindings as Record<string, string> | undefined), ...options.vars },
    // Deployed, the platform's router of assets stands before the Worker and is nobody's CPU; here it would be ours, in every call of the API.
    serviceBindings: { ...(own.serviceBindings as object | undefined), ASSETS: "assets" },
    unsafeDirectSockets: [{ host: "127.0.0.1", port: options.port }],
    ...(options.outbound && { outboundService: options.outbound as never }),
  };
  const config: V4MiniflareOptions = {
    workers: [forge, {
      name: "assets", compatibilityDate: own.compatibilityDate, modules: [{ type: "ESModule", path: "assets.mjs", contents: "export default { fetch: () => new Response(null, { status: 404 }) };" }],
      assets: { ...(assets as object), run_worker_first: false, routerConfig: { has_user_worker: true, invoke_user_worker_ahead_of_assets: false } },
    }] as never,
    host: "127.0.0.1",
    port: 0,
    cf: false,
    telemetry: { enabled: false },
    logRequests: false,
    log: new Log(LogLevel.ERROR),
    ...(options.onLog && { handleStructuredLogs: ({ message }) => options.onLog!(message) }),
    ...(options.inspected && { inspectorPort: 0 }),
    ...(options.stateDir && { resourcePersistencePath: options.stateDir }),
  };
  const mf = new Miniflare(convertV4MiniflareOptions(config));
  await mf.ready;
  await prepareDatabase(mf, options.stateDir);
  const url = (await mf.unsafeGetDirectURL("forge")).origin;
  return { url, mf, stop: () => mf.dispose() };
}

/** Tables and catalog; skipped when the state folder already has exactly these. */
async function prepareDatabase(mf: Miniflare, stateDir: string | undefined): Promise<void> {
  const files = [`${root}schema.sql`, `${root}src/catalog/catalog.sql`, `${root}src/catalog/aliases.sql`].filter((path) => existsSync(path));
  const sql = files.map((path) => readFileSync(path, "utf8")).join("\n");
  const mark = stateDir && `${stateDir}/applied-sql`;
  const digest = createHash("sha256").update(sql).digest("hex");
  if (mark && existsSync(mark) && readFileSync(mark, "utf8") === digest) return;
  await growTables(mf, readFileSync(files[0]!, "utf8"));
  await applySql(mf, sql);
  if (mark) writeFileSync(mark, digest);
}

/** Brings older tables to what the schema says, before anything in it uses their new columns. */
async function growTables(mf: Miniflare, sql: string): Promise<void> {
  const db = await mf.getD1Database("DB");
  const { results } = (await db.prepare(tablesQuery).all()) as { results: { sql: string }[] };
  const present = tablesIn(results.map((row) => row.sql).join(";\n"));
  const statements = [...missingColumns(sql, present), ...liftedChecks(sql, present)];
  if (statements.length > 0) await db.batch(statements.map((statement) => db.prepare(statement)));
}

/** Runs the statements of a SQL file against the local D1, in one transaction per hundred. */
export async function applySql(mf: Miniflare, sql: string): Promise<void> {
  const db = await mf.getD1Database("DB");
  const statements = sqlStatements(sql).map((statement) => db.prepare(statement));
  for (let i = 0; i < statements.length; i += 100) await db.batch(statements.slice(i, i + 100));
}

/** Splits a SQL file at `;` line ends; comments (`--` to the end of a line) are dropped. */
export function sqlStatements(sql: string): string[] {
  return sql.replace(/^\s*--.*$/gm, "").split(/;\s*(?:\n|$)/).map((statement) => statement.trim()).filter(Boolean);
}
