/** `npm run simulate`: as many worlds as you like. `-- --seeds 5000 --from 0`; ends with 1 and names the seed when a law was broken. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values: flags } = parseArgs({ options: { seeds: { type: "string", default: "2000" }, from: { type: "string", default: "0" } } });
const root = fileURLToPath(new URL("../..", import.meta.url));
const { status } = spawnSync(process.execPath, [`${root}node_modules/vitest/vitest.mjs`, "run", "--project", "node", "test/simulation"], {
  cwd: root, stdio: "inherit", env: { ...process.env, SEEDS: flags.seeds, FROM: flags.from },
});
process.exit(status ?? 1);
