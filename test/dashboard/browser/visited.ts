/** Whether every page of the dashboard has been looked at: its route table against the addresses that were. */
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare, type V4MiniflareOptions } from "miniflare";
import { fileURLToPath } from "node:url";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import { bundleWorker } from "../../../scripts/bundle.ts";

/** What a GET of the table answers with that is no page. */
const noPage: Readonly<Record<string, string>> = {
  "/auth/callback/:provider": "leads on: GitHub and Google come back by it",
  "/batches/:id/progress": "JSON for the page's bar",
  "/files/:id/content": "a download",
  "/first-key/:id": "JSON for the page's lamp",
  "/first-request": "JSON for the overview's lamp",
  "/keys/names": "JSON for the field of models",
  "/playground/names": "JSON for the field of models",
  "/playground/requests/:id": "JSON of what a request took",
  "/requests/new": "rows for the list that is open",
  "/settings": "leads on to the first page of the settings",
  "/settings/audit.csv": "a download",
  "/usage/csv": "a download",
};

/** The paths that the table takes GET at, as it has them and in its order. The table is written for the Worker's runtime, so that reads it. */
async function pathsOfTable(): Promise<string[]> {
  const { workerOptions: { compatibilityDate, compatibilityFlags } } = unstable_getMiniflareWorkerOptions(fileURLToPath(new URL("../../../wrangler.toml", import.meta.url)));
  const modules = (await bundleWorker("test/dashboard/table-worker.ts")).map((module) => ({ type: "ESModule" as const, ...module }));
  const mf = new Miniflare(convertV4MiniflareOptions({ compatibilityDate, compatibilityFlags, name: "table", modules, cf: false, telemetry: { enabled: false }, log: new Log(LogLevel.ERROR) } as V4MiniflareOptions));
  try {
    return (await (await mf.dispatchFetch("http://table/")).json()) as string[];
  } finally {
    await mf.dispose();
  }
}

const patternOf = (path: string): RegExp => new RegExp(`^/dashboard${path.replaceAll(".", "\\.").replace(/:\w+/g, "[^/]+")}$`);

/** `unseen`: pages of the table that none of these addresses is of. `needless`: exceptions that the table does not have. */
export async function unvisited(addresses: ReadonlySet<string>): Promise<{ unseen: string[]; needless: string[] }> {
  const paths = await pathsOfTable();
  const seen = new Set([...addresses].map((address) => paths.find((path) => patternOf(path).test(address))));
  return { unseen: paths.filter((path) => !seen.has(path) && !(path in noPage)), needless: Object.keys(noPage).filter((path) => !paths.includes(path)) };
}
