/**
 * `npm run chaos`: the promises about limits and ledger, over real sockets, with a process that dies. Prints what was
 * checked; ends with 1 when a promise was broken. `-- --rounds N`: how often the process is killed (twice as often
 * where keys share money).
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { exactLimits } from "./exact-limits.ts";
import { start } from "./gateway.ts";
import { kills } from "./kills.ts";
import { ledger } from "./ledger.ts";
import { named } from "./named.ts";
import { sharedMoney } from "./shared-money.ts";
import { Upstream } from "./upstream.ts";
import { conclude } from "./verdicts.ts";

const { values: flags } = parseArgs({ options: { rounds: { type: "string", default: "5" } } });
const folder = mkdtempSync(join(tmpdir(), "forge-chaos-"));
const upstream = new Upstream();
const began = Date.now();
try {
  const origin = await upstream.start();
  const afterwards = await kills(origin, upstream, join(folder, "killed"), Number(flags.rounds));
  const accounts = await sharedMoney(origin, upstream, join(folder, "shared"), 2 * Number(flags.rounds));
  await named(origin, upstream, join(folder, "named"));
  const gateway = await start(origin, join(folder, "calm"));
  await exactLimits(gateway, upstream);
  await ledger(gateway, upstream);
  await gateway.stop();
  await afterwards();
  await accounts();
} finally {
  upstream.stop();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(conclude(began));
