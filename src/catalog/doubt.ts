/** Whether a whole catalog can be meant beside the one that is held: a push that went wrong shall not be billed by. Pure. */
import type { Catalog, Deployment } from "./catalog.ts";

/** Of the deployments that both know, so many may move by more than ten times at once; a few always may, for prices are edited. */
const mostMoved = { share: 0.05, count: 5 };

/** The newest price of input and output, pico-USD. */
function newest({ prices }: Deployment): number[] {
  return ["input", "output"].map((of) => prices.reduce((best, price) => (price.class === of && price.aboveTokens === 0 && price.validFromMs >= best.from ? { from: price.validFromMs, pico: price.picoUsd } : best), { from: -1, pico: 0 }).pico);
}

function moved(before: Deployment, after: Deployment): boolean {
  const [old, now] = [newest(before), newest(after)];
  return old.some((pico, i) => pico > 0 && now[i]! > 0 && Math.max(now[i]! / pico, pico / now[i]!) > 10);
}

/** What speaks against the new one, as text; undefined: nothing. */
export function doubtAbout(next: Catalog, last: Catalog): string | undefined {
  const priced = ({ byName }: Catalog): Deployment[] => [...byName.values()].filter(({ prices }) => prices.length > 0);
  const [before, after] = [priced(last), priced(next)];
  if (before.length >= 10 && after.length < before.length / 2) return `${after.length} deployments have a price where ${before.length} had one`;
  const jumps = before.filter((old) => {
    const now = next.byName.get(`${old.provider}/${old.upstreamId}`);
    return now !== undefined && moved(old, now);
  });
  if (jumps.length <= Math.max(mostMoved.count, before.length * mostMoved.share)) return undefined;
  const { provider, upstreamId } = jumps[0]!;
  return `${jumps.length} of ${before.length} deployments cost ten times more or less than before, such as ${provider}/${upstreamId}`;
}
