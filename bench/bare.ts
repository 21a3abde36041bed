/** The limit on workerd: the smallest Worker that passes a request on, served exactly as Forge is. */
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { fileURLToPath } from "node:url";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import { quietEnv } from "../scripts/wrangler.ts";

const config = fileURLToPath(new URL("../wrangler.toml", import.meta.url));

const passthrough = "export default { fetch: (request, env) => fetch(env.UPSTREAM, request) };";

/** A running Worker; `url` has no trailing slash. */
export type BareWorker = { url: string; stop: () => Promise<void> };

/** Starts one module with Forge's compatibility date and flags on a direct socket. `upstream` is its `env.UPSTREAM`. */
export async function startBare(upstream: string, script = passthrough): Promise<BareWorker> {
  Object.assign(process.env, quietEnv);
  const { workerOptions } = unstable_getMiniflareWorkerOptions(config);
  const { compatibilityDate, compatibilityFlags } = workerOptions as { compatibilityDate: string; compatibilityFlags: string[] };
  const mf = new Miniflare(convertV4MiniflareOptions({
    name: "bare",
    compatibilityDate,
    compatibilityFlags,
    modules: [{ type: "ESModule" as const, path: "bare.mjs", contents: script }],
    bindings: { UPSTREAM: upstream },
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
    host: "127.0.0.1",
    port: 0,
    cf: false,
    telemetry: { enabled: false },
    logRequests: false,
    log: new Log(LogLevel.ERROR),
  }));
  await mf.ready;
  const url = (await mf.unsafeGetDirectURL("bare")).origin;
  return { url, stop: () => mf.dispose() };
}
