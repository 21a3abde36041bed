/** Reading a kept response's events along, in steps, from any of them on. */
import { noUsage } from "../chat/index.ts";
import { ask } from "../replay/ask.ts";
import type { Access } from "./access.ts";
import { framesOf } from "./frames.ts";
import { openJson } from "./history.ts";
import { placeOf, type Kept, type Page, type Sealed } from "./stored.ts";
import { endingWith, failedAs, frameOf, isObject, shownEvent, type Json } from "./teller.ts";

const encoder = new TextEncoder();
const heartbeat = encoder.encode(": ping\n\n");

export type Reader = {
  readonly id: string;
  /** The first event that is wanted. */
  readonly from: number;
  readonly secrets: boolean;
  readonly heartbeatMs: number;
  /** Hears how the response ended, once. */
  readonly ended?: (outcome: NonNullable<Page["outcome"]>) => void;
};

const pageOf = (access: Access, id: string, from: number): Promise<Page> => ask(() => access.object.page(id, from));

async function opened({ vault }: Access, id: string, { first, bytes }: Sealed, from: number): Promise<string[]> {
  return framesOf(await vault.open(bytes, placeOf.events(id, first))).slice(Math.max(0, from - first));
}

/**
 * The frames from `from` on until the response is over, those that were told before as they were told then. A request may make 10,000 calls,
 * so a stream that lasts is read more slowly: late by a thousandth of the time it has come for.
 */
export async function* follow(access: Access, { id, from, secrets, heartbeatMs, ended }: Reader): AsyncGenerator<Uint8Array, void> {
  const beganMs = Date.now();
  let at = from;
  let spokeAtMs = beganMs;
  for (;;) {
    const { sealed, fresh, standing, outcome } = await pageOf(access, id, at);
    const frames: string[] = [];
    for (const page of sealed) {
      frames.push(...(await opened(access, id, page, at)));
      at = Math.max(at, page.next);
    }
    frames.push(...fresh.frames.slice(Math.max(0, at - fresh.first)));
    at = Math.max(at, fresh.first + fresh.frames.length);
    if (frames.length > 0) yield encoder.encode(frames.join(""));
    if (standing === "lost") yield encoder.encode(frameOf(shownEvent(endingWith(await recovered(access, id), at), secrets)));
    if (standing !== "running") return ended?.(outcome ?? (standing === "over" ? whole : left));
    const nowMs = Date.now();
    if (frames.length > 0) spokeAtMs = nowMs;
    else if (nowMs - spokeAtMs >= heartbeatMs) {
      spokeAtMs = nowMs;
      yield heartbeat;
    }
    if (frames.length > 0) await scheduler.wait((nowMs - beganMs) / 1_000);
  }
}

/** What a response had said when its runtime died, as one that failed. */
async function recovered(access: Access, id: string): Promise<Json> {
  const kept = (await ask(() => access.object.look(id))) ?? undefined;
  const first = kept && (await openJson(access, kept.response, placeOf.response(id)));
  let response: Json = isObject(first) ? first : {};
  const output: Json[] = [];
  for (let at = 0, page = await pageOf(access, id, 0); page.sealed.length > 0; page = await pageOf(access, id, at)) {
    for (const one of page.sealed) {
      for (const event of (await opened(access, id, one, at)).map(eventIn)) {
        if (isObject(event.response)) response = event.response;
        if (event.type === "response.output_item.done" && isObject(event.item)) output.push(event.item);
      }
      at = one.next;
    }
  }
  return failedAs({ ...response, output }, "server_error", "The gateway was restarted while this response ran. What it had said is here; ask again for all of it.");
}

const eventIn = (frame: string): Json => JSON.parse(frame.slice(frame.indexOf("data: ") + 6)) as Json;

/** A response as it stands, with everything that is kept of it. */
export async function standingOf(access: Access, look: Kept & { readonly live?: string }): Promise<Json> {
  const { row, response, live } = look;
  if (row.lost) return recovered(access, row.id);
  const kept: unknown = live === undefined ? await openJson(access, response, placeOf.response(row.id)) : JSON.parse(live);
  return isObject(kept) ? kept : {};
}

/** How a run ended that nobody can say more of: its client left, or its runtime died; or it came to its end, and is kept. */
export const left: NonNullable<Page["outcome"]> = { end: "client_gone", usage: noUsage, costNanoUsd: 0 };
export const whole: NonNullable<Page["outcome"]> = { ...left, end: "complete" };
