/**
 * The load generator: keep-alive sockets that each send one prebuilt request after another. Runs as its own process,
 * one job at a time: the parent sends a `Job`, it answers with a `LoadResult`.
 */
import { connect, type Socket } from "node:net";
import { ResponseReader } from "./response-reader.ts";

/** One measurement. It ends after `durationMs` or `requests`, whichever comes first; what has begun is finished. */
export type Job = {
  url: string;
  headers: Record<string, string>;
  body: string;
  concurrency: number;
  durationMs: number;
  requests: number;
};

/** Times are milliseconds. `firstByteMs` is the first byte of the body; `statuses` counts what was not 200. */
export type LoadResult = {
  responses: number;
  seconds: number;
  p50: number;
  p90: number;
  p99: number;
  firstByteP50: number;
  bytes: number;
  events: number;
  statuses: Record<string, number>;
};

/** Runs one job to its end. */
export async function runJob(job: Job): Promise<LoadResult> {
  const request = requestBytes(job);
  const { hostname, port } = new URL(job.url);
  const latencies: number[] = [];
  const firstBytes: number[] = [];
  const result = { responses: 0, bytes: 0, events: 0, statuses: {} as Record<string, number> };
  const sockets = await Promise.all(Array.from({ length: job.concurrency }, () => open(hostname, Number(port))));
  const start = performance.now();
  const deadline = start + job.durationMs;
  let begun = 0;
  let lastEnd = start;

  const note = (status: string) => (result.statuses[status] = (result.statuses[status] ?? 0) + 1);

  /** Sends on one socket until the job is over; a socket that the server closes is replaced. */
  const drive = (first: Socket) => new Promise<void>((resolve) => {
    let socket = first;
    let sentAt = 0;
    let waiting = false;
    const send = () => {
      if (begun >= job.requests || performance.now() >= deadline) {
        socket.destroy();
        return resolve();
      }
      begun++;
      waiting = true;
      sentAt = performance.now();
      socket.write(request);
    };
    const use = (fresh: Socket) => {
      socket = fresh;
      const reader = new ResponseReader({
        firstByte: () => firstBytes.push(performance.now() - sentAt),
        end: (seen) => {
          waiting = false;
          lastEnd = performance.now();
          latencies.push(lastEnd - sentAt);
          result.responses++;
          result.bytes += seen.bytes;
          result.events += seen.events;
          if (seen.status !== 200) note(String(seen.status));
          if (seen.closes) replace();
          else send();
        },
      });
      fresh.on("data", (data) => reader.feed(data));
      fresh.on("error", () => undefined);
      fresh.on("close", () => {
        if (!waiting || fresh !== socket) return;
        note("broken");
        replace();
      });
      send();
    };
    const replace = () => {
      waiting = false;
      socket.destroy();
      open(hostname, Number(port)).then(use, () => (note("refused"), resolve()));
    };
    use(first);
  });

  await Promise.all(sockets.map(drive));
  const sorted = Float64Array.from(latencies).sort();
  return {
    ...result,
    seconds: (lastEnd - start) / 1000,
    p50: quantile(sorted, 0.5),
    p90: quantile(sorted, 0.9),
    p99: quantile(sorted, 0.99),
    firstByteP50: quantile(Float64Array.from(firstBytes).sort(), 0.5),
  };
}

function requestBytes(job: Job): Buffer {
  const { host, pathname } = new URL(job.url);
  const headers = { host, "content-type": "application/json", accept: "*/*", "user-agent": "forge-bench", ...job.headers, "content-length": String(Buffer.byteLength(job.body)) };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`POST ${pathname} HTTP/1.1\r\n${lines.join("")}\r\n${job.body}`);
}

function open(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    socket.once("connect", () => resolve(socket));
    socket.once("error", reject);
  });
}

function quantile(sorted: Float64Array, q: number): number {
  return sorted.length === 0 ? NaN : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]!;
}

if (process.send) {
  process.on("message", (job: Job) => void runJob(job).then((result) => process.send!(result)));
  process.on("disconnect", () => process.exit(0));
}
