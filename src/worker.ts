/** The entry: no logic here. */
import { app } from "./app.ts";
import { consume } from "./batches/index.ts";
import { tidy } from "./pipeline/tidy.ts";

export { BatchRun } from "./batches/index.ts";
export { HealthBoard } from "./health/index.ts";
export { KeyMeter, OrgAccount } from "./limits/index.ts";
export { IdempotentCall } from "./replay/index.ts";
export { ResponseThread, StoredChats } from "./responses/index.ts";
export { VideoJob } from "./videos/index.ts";
export { SovereignOrigin } from "./upstream/sovereign-origin.ts";

export default {
  fetch: app.fetch,
  queue: consume,
  scheduled: (_, env, ctx) => ctx.waitUntil(tidy(env, Date.now())),
} satisfies ExportedHandler<Cloudflare.Env>;
