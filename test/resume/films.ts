/**
 * Films whose runtime is killed, while they are asked for, while they are made, and again when they are done: each must come to its end, its
 * provider asked once, paid once, and its bytes must be there. One that may have been asked for and was never answered is told as failed.
 */
import { mkdtempSync, rmSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { withWorkerd } from "../../bench/processes.ts";
import { startLocal } from "../../scripts/local.ts";
import { createKey } from "../support/admin.ts";
import { StandIn } from "../support/server.ts";

type Film = { id: string; status: string; prompt: string };
const bytesOf = (tag: string): Buffer => Buffer.from(`ftypisom ${tag} `.repeat(50_000));

/** Makes films when it is let; one whose prompt says so is never answered. */
class Studio extends StandIn {
  done = false;
  /** How often each was asked for. */
  readonly asked = new Map<string, number>();

  protected async serve({ method, url }: IncomingMessage, text: string, response: ServerResponse): Promise<void> {
    const json = (told: unknown): void => void response.setHeader("content-type", "application/json").end(JSON.stringify(told));
    const [, id, content] = /^\/v1\/videos\/(video_[\w-]+)(\/content)?/.exec(url!) ?? [];
    if (id && content) return void response.setHeader("content-type", "video/mp4").end(bytesOf(id.slice("video_".length)));
    if (id) return json({ id, object: "video", model: "sora-2", status: this.done ? "completed" : "in_progress", progress: this.done ? 100 : 40, seconds: "4", size: "720x1280" });
    if (method !== "POST") return json({ data: [] });
    const tag = /(?:film|mute)-\d+/.exec(text)![0];
    this.asked.set(tag, (this.asked.get(tag) ?? 0) + 1);
    if (!tag.startsWith("mute")) json({ id: `video_${tag}`, object: "video", model: "sora-2", status: "queued", seconds: "4", size: "720x1280" });
  }
}

/** Plays `films` that are answered and `mute` that are not. Returns how they ended, and what was wrong. */
export async function killedFilms(films: number, mute: number): Promise<{ completed: number; failed: number; wrong: string[] }> {
  const studio = new Studio();
  const origin = await studio.start();
  const stateDir = mkdtempSync(join(tmpdir(), "forge-films-"));
  const vars = { ...createKey.secrets, ALLOW_PRIVATE_UPSTREAMS: "true", OPENAI_API_KEY: "k", OPENAI_BASE_URL: `${origin}/v1`, VIDEO_POLL_MS: "100" };
  const start = () => withWorkerd(() => startLocal({ port: 0, stateDir, vars, onLog: () => {} }));
  const kill = async ({ pid, started }: Awaited<ReturnType<typeof start>>): Promise<void> => {
    if (pid === undefined) throw new Error("the runtime's process is not known here");
    process.kill(pid, "SIGKILL");
    await started.stop().catch(() => {});
  };
  const tags = [...Array.from({ length: films }, (_, i) => `film-${i}`), ...Array.from({ length: mute }, (_, i) => `mute-${i}`)];
  const first = await start();
  const { secret } = await createKey(first.started.url, { limits: { requestsPerMinute: 100_000, concurrentRequests: 1_000 } });
  const headers = { authorization: `Bearer ${secret}`, "content-type": "application/json" };
  const began = tags.map((prompt) => fetch(`${first.started.url}/v1/videos`, { method: "POST", headers, body: JSON.stringify({ model: "openai/sora-2", prompt, seconds: "4", size: "720x1280" }) }).then(({ status }) => status, () => 0));
  for (let tries = 0; tries < 200 && studio.asked.size < tags.length; tries += 1) await sleep(50);
  await Promise.all(began.slice(0, films));
  await kill(first);
  const statuses = await Promise.all(began);
  const second = await start();
  studio.done = true;
  const all = async (url: string): Promise<Film[]> => ((await (await fetch(`${url}/v1/videos?limit=100`, { headers })).json()) as { data: Film[] }).data;
  await sleep(300);
  await kill(second);
  const { started: { url, stop } } = await start();
  const isOver = ({ status }: Film): boolean => status === "completed" || status === "failed";
  let told = await all(url);
  // Whether somebody still begins a film is looked after every minute.
  for (let tries = 0; tries < 900 && (told.length < tags.length || !told.every(isOver)); tries += 1) {
    await sleep(100);
    told = await all(url);
  }
  const wrong = statuses.flatMap((status, i) => (status === (i < films ? 200 : 0) ? [] : [`${tags[i]} was answered with ${status}`]));
  for (const tag of tags) {
    const [film, ...more] = told.filter(({ prompt }) => prompt === tag);
    const due = tag.startsWith("mute") ? "failed" : "completed";
    if (film?.status !== due || more.length > 0) wrong.push(`${tag} is ${film?.status}, ${more.length + 1} times`);
    if (studio.asked.get(tag) !== 1) wrong.push(`${tag} was asked for ${studio.asked.get(tag)} times`);
    if (film?.status !== "completed") continue;
    const got = Buffer.from(await (await fetch(`${url}/v1/videos/${film.id}/content`, { headers })).arrayBuffer());
    if (!got.equals(bytesOf(tag))) wrong.push(`${tag} has ${got.length} bytes, not its ${bytesOf(tag).length}`);
  }
  const { totals } = (await (await fetch(`${url}/dashboard/usage`, { headers })).json()) as { totals: { requests: number; costNanoUsd: number } };
  if (totals.requests !== tags.length) wrong.push(`the bill says ${totals.requests} requests, not ${tags.length}`);
  await stop();
  studio.stop();
  rmSync(stateDir, { recursive: true, force: true });
  const count = (status: string): number => told.filter((film) => film.status === status).length;
  return { completed: count("completed"), failed: count("failed"), wrong };
}
