/** Health boards as operators look at them: one for each region. */
import type { Seen } from "../health/index.ts";
import type { OperatorVisit } from "./visit.ts";

/** Cloudflare's continents, and where a board stands that nobody has asked yet. */
export const regions: Readonly<Record<string, readonly [label: string, hint: DurableObjectLocationHint]>> = {
  EU: ["Europe", "weur"], NA: ["North America", "enam"], SA: ["South America", "sam"], AS: ["Asia", "apac"], OC: ["Oceania", "oc"], AF: ["Africa", "afr"],
};

/** The region that the visitor's browser is in. */
export const ownRegion = ({ isolate, c }: OperatorVisit): string => isolate.regionOf(c.req.raw);

/** One's own region's board hears first what this isolate knows, in case it has forgotten. Another's stands where its isolates are, whoever looks first. */
export async function seenIn(region: string, { env, isolate, nowMs, c }: OperatorVisit): Promise<Seen[]> {
  const own = isolate.regionOf(c.req.raw);
  if (region !== own) return env.HEALTH_BOARD.getByName(region, { locationHint: regions[region]![1] }).look();
  const told: Promise<unknown>[] = [];
  isolate.health.sync(env.HEALTH_BOARD, own, nowMs, (exchange) => {
    told.push(exchange);
    c.executionCtx.waitUntil(exchange);
  });
  await Promise.all(told);
  return env.HEALTH_BOARD.getByName(region).look();
}
