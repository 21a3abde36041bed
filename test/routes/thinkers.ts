/** ForgeLab's brain mode with models that the test plays: who was asked for what, and how many at once. */
import { env } from "cloudflare:workers";
import { expect, vi } from "vitest";
import type { LedgerEntry } from "../../src/ledger/entry.ts";
import { admin, call, outside, prompts, type Json, type Key, type Left } from "../security/stage.ts";

/** One priced model, at a USD a million tokens, behind each alias, and one at 0.20 USD a million read and 0.60 written, which cannot write by a schema. */
export async function fillAliases(): Promise<void> {
  const at = (id: string, features: string[], input: number, output: number) => [
    env.DB.prepare(`INSERT INTO models VALUES (?, 'test', 'chat', '["text"]', '["text"]', ?, 1000000, 10000, 0)`).bind(id, JSON.stringify(features)),
    env.DB.prepare("INSERT INTO deployments VALUES ('groq', ?1, ?1)").bind(id),
    ...Object.entries({ input, output }).map(([unit, pico]) => env.DB.prepare("INSERT INTO prices VALUES ('groq', ?, ?, 0, 0, ?, 'test')").bind(id, unit, pico)),
  ];
  await env.DB.batch([...at("gpt-test", ["text", "json_schema"], 1_000_000, 1_000_000), ...at("grok-test", ["text"], 200_000, 600_000)]);
  for (const alias of ["auto", "fast", "reasoning"]) await admin("PUT", `/aliases/${alias}`, { targets: ["groq/gpt-test"] });
}

export const ask = (body: Json, { secret }: Pick<Key, "secret">): Promise<Response> => call(secret, "POST", "/api/v1/chat/completions", body);

/** A chat completion. `usage`: tokens read and written. */
export const said = (content: unknown, [read, written]: readonly [number, number] = [10, 5], more: object = {}): Response =>
  Response.json({
    id: "c", object: "chat.completion", model: "m", choices: [{ index: 0, message: { role: "assistant", content, ...more }, finish_reason: "stop" }],
    usage: { prompt_tokens: read, completion_tokens: written, total_tokens: read + written },
  });

export const task = (id: string, needs: readonly string[] = [], kind = "general"): Json => ({ id, kind, instruction: `Write about ${id}`, needs });
export const planOf = (...tasks: Json[]): string => JSON.stringify({ split: true, tasks });

/** Which step a call is: plan, task: <what its instruction is about>, again: …, review or answer. */
export function stepOf({ body }: Left): string {
  if (body.includes("You split work")) return "plan";
  if (body.includes("You check results")) return "review";
  if (!body.includes("You do one part")) return "answer";
  const about = /Your part:\\nWrite about (\w+)/.exec(body)?.[1] ?? "";
  return `${body.includes("Your first result was sent back") ? "again" : "task"}: ${about}`;
}

/** What is asked, by the step, in order; `most`: how many were asked at once. */
export type Stage = { readonly left: Left[]; readonly asked: () => string[]; most: number };

/** Models that do what each step is asked by `play`; undefined: as one that works. */
export function playing(play: (step: string, left: Left) => Response | Promise<Response> | undefined): Stage {
  let running = 0;
  const left = outside(async (one) => {
    running += 1;
    stage.most = Math.max(stage.most, running);
    try {
      const step = stepOf(one);
      return await (play(step, one) ?? said(step === "review" ? '{"ok":true,"again":[]}' : `of ${step}`));
    } finally {
      running -= 1;
    }
  });
  const stage: Stage = { left, asked: () => prompts(left).map(stepOf), most: 0 };
  return stage;
}

/** Never answers: as `fetch` does, it ends with the reason of its signal. */
export const hangs = ({ signal }: Left): Promise<Response> => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));

/** The ledger's entry of a request, once it is settled. */
export const entryOf = (response: Response, { id }: Pick<Key, "id">): Promise<LedgerEntry> => vi.waitFor(async () => {
  const entry = await env.KEY_METER.getByName(id).entry(response.headers.get("x-request-id")!);
  expect(entry).toBeDefined();
  return entry!;
});

/** What the key's meter holds, and has been charged, nano-USD and tokens. */
export async function meterOf({ id }: Pick<Key, "id">): Promise<{ heldNanoUsd: number; heldTokens: number; held: number; spentNanoUsd: number }> {
  const { held, spentNanoUsd } = (await env.KEY_METER.getByName(id).inspect()).counters;
  return { heldNanoUsd: held.nanoUsd, heldTokens: held.tokens, held: held.requests, spentNanoUsd };
}
