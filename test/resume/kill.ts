/** Runs whose runtime is killed: each must be told as failed, or whole, with what its readers had heard before, and nothing may hang. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { withWorkerd } from "../../bench/processes.ts";
import { startLocal } from "../../scripts/local.ts";
import { createKey } from "../support/admin.ts";
import { Upstream } from "./upstream.ts";

type Heard = { id: string; text: string };

/** Plays `runs` streams, kills the runtime under them, and reads them again. Returns how many of them had ended by then, and what was wrong. */
export async function killed(models: readonly string[], runs: number): Promise<{ whole: number; failed: number; wrong: string[] }> {
  const upstream = new Upstream(300);
  const origin = await upstream.start();
  const stateDir = mkdtempSync(join(tmpdir(), "forge-resume-"));
  const vars = {
    ...createKey.secrets, ALLOW_PRIVATE_UPSTREAMS: "true",
    OPENAI_API_KEY: "k", OPENAI_BASE_URL: `${origin}/v1`, ANTHROPIC_API_KEY: "k", ANTHROPIC_BASE_URL: `${origin}/v1`, GEMINI_API_KEY: "k", GEMINI_BASE_URL: `${origin}/v1beta`,
  };
  const start = () => withWorkerd(() => startLocal({ port: 0, stateDir, vars, onLog: () => {} }));
  const first = await start();
  const key = await createKey(first.started.url, { limits: { requestsPerMinute: 100_000 } });
  const headers = { authorization: `Bearer ${key.secret}`, "content-type": "application/json" };
  const heard: Heard[] = Array.from({ length: runs }, () => ({ id: "", text: "" }));
  const reading = heard.map(async (one, i) => {
    const response = await fetch(`${first.started.url}/v1/responses`, { method: "POST", headers, body: JSON.stringify({ model: models[i % models.length], input: `tag-${39 + i * 40}`, stream: true, background: i % 2 === 0 }) });
    for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
      one.text += piece;
      one.id ||= /"id":"(resp_[^"]+)"/.exec(one.text)?.[1] ?? "";
    }
  });
  for (let tries = 0; tries < 100 && heard.some(({ id }) => id === ""); tries += 1) await sleep(100);
  await sleep(1_500);
  if (first.pid === undefined) throw new Error("the runtime's process is not known here");
  process.kill(first.pid, "SIGKILL");
  await Promise.allSettled(reading);
  await first.started.stop().catch(() => {});
  const { started: { url, stop } } = await start();
  const wrong: string[] = [];
  const statuses: string[] = [];
  for (const { id, text } of heard) {
    if (id === "") {
      wrong.push("a run had told nothing");
      continue;
    }
    const replayed = await (await fetch(`${url}/v1/responses/${id}?stream=true`, { headers, signal: AbortSignal.timeout(20_000) })).text().catch(String);
    const { status } = (await (await fetch(`${url}/v1/responses/${id}`, { headers })).json()) as { status: string };
    statuses.push(status);
    if (!["failed", "completed"].includes(status)) wrong.push(`${id} is ${status}`);
    if (!new RegExp(`event: response\\.${status}\\n[^\\n]*\\n\\n$`).test(replayed)) wrong.push(`${id} does not end as ${status}`);
    // What was told but not written down yet may be gone; whatever is there is what was told.
    const said = (of: string): string[] => of.split("\n\n").filter((frame) => frame.startsWith("event:") && !frame.startsWith("event: response.failed"));
    const [before, after] = [said(text), said(replayed)];
    if (status === "failed" && !after.every((frame, i) => before[i] === undefined || before[i] === frame)) wrong.push(`${id} is told otherwise than before`);
    if (before.length - after.length > 60) wrong.push(`${id} has lost ${before.length - after.length} events`);
  }
  await stop();
  upstream.stop();
  rmSync(stateDir, { recursive: true, force: true });
  return { whole: statuses.filter((one) => one === "completed").length, failed: statuses.filter((one) => one === "failed").length, wrong };
}
