/** Does memory stay flat? Many JSON requests, then long streams, with the resident memory of workerd over time. */
import { rssMb, type Load } from "./processes.ts";
import { run } from "./measure.ts";
import type { Scenario } from "./scenarios.ts";
import type { Target } from "./targets.ts";

const steps = 20;
const sampleMs = 50;

/** Runs `requests` JSON requests in twenty steps and then streams of 10,000 events. Returns a Markdown section. */
export async function memory(load: Load, target: Target, requests: number): Promise<string> {
  if (rssMb(target.pid) === undefined) return "Resident memory: n/a on this system.";
  const shared = { askUsage: true, durationMs: Number.MAX_SAFE_INTEGER, paced: false, upstream: "chat" as const };
  const json: Scenario = { ...shared, name: "JSON", kind: "json", model: "json", events: 0, concurrency: 16, requests: requests / steps };
  const points: { done: number; rss: number }[] = [{ done: 0, rss: rssMb(target.pid)! }];
  for (let step = 1; step <= steps; step++) {
    await run(load, target, json, json.durationMs);
    points.push({ done: step * json.requests, rss: rssMb(target.pid)! });
  }
  const late = points.slice(points.length >> 1);
  const lines = [
    `### ${target.name}`, "",
    `JSON requests done → RSS MB: ${points.map(({ done, rss }) => `${done / 1000}k ${rss.toFixed(0)}`).join(" · ")}`,
    `Slope over the second half: ${(slope(late) * 10_000).toFixed(2)} MB per 10,000 requests.`,
  ];
  for (const [concurrency, count] of [[1, 20], [16, 160]] as const) {
    const stream: Scenario = { ...shared, name: "stream", kind: "stream", model: "sse-10000", events: 10_000, concurrency, requests: count };
    const before = rssMb(target.pid)!;
    let peak = before;
    const timer = setInterval(() => (peak = Math.max(peak, rssMb(target.pid) ?? 0)), sampleMs);
    const { events } = await run(load, target, stream, stream.durationMs);
    clearInterval(timer);
    lines.push(`${count} streams of 10,000 events (2 MB each), c=${concurrency}: before ${before.toFixed(0)}, peak ${peak.toFixed(0)}, after ${rssMb(target.pid)!.toFixed(0)} MB; ${events} events arrived.`);
  }
  return lines.join("\n");
}

/** Least squares, MB per request. */
function slope(points: { done: number; rss: number }[]): number {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const x = mean(points.map((point) => point.done));
  const y = mean(points.map((point) => point.rss));
  const over = points.reduce((sum, point) => sum + (point.done - x) * (point.rss - y), 0);
  return over / points.reduce((sum, point) => sum + (point.done - x) ** 2, 0);
}
