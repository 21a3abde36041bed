import { DurableObject } from "cloudflare:workers";
import { isolateOf } from "../pipeline/index.ts";
import { markIn } from "./names.ts";
import { Records } from "./records.ts";
import { Run } from "./run.ts";
import type { Begun, Finished, Gathered, Kept, Look, Order, Page, Place, Row, Turn, Wanted } from "./stored.ts";

/** The runtime lets go of an object without events after 70 seconds: one that runs a response wakes itself. */
const wakeMs = 20_000;
/** A reader waits this long for more; the object runs all the while anyway. */
const waitMs = 5_000;
/** Most bytes of what a request builds on: a message between objects holds 32 MiB, a request 20. */
const mostBytes = 24 * 1024 * 1024;

const isOpen = ({ status }: Row): boolean => status === "queued" || status === "in_progress";

/**
 * One thread: responses that follow each other, a conversation where there is one, and the responses that run. It keeps ciphertext; only a
 * run holds what opens it, for as long as it lasts. A thread lives for a time from its last response on, then all of it goes.
 */
export class ResponseThread extends DurableObject<Cloudflare.Env> {
  private readonly records: Records;
  private readonly runs = new Map<string, Run>();

  constructor(state: DurableObjectState, env: Cloudflare.Env) {
    super(state, env);
    this.records = new Records(state.storage.kv);
  }

  /** Runs a response. Asked twice it runs once. */
  begin(order: Order): Promise<Begun> {
    const known = this.runs.get(order.id);
    if (known) return known.began;
    const run = new Run(order, { records: this.records, isolate: isolateOf(this.env), waitUntil: (promise) => this.ctx.waitUntil(promise) });
    this.runs.set(order.id, run);
    this.ctx.waitUntil(run.done.finally(() => this.runs.delete(order.id)));
    void this.ctx.storage.setAlarm(Date.now() + wakeMs);
    return run.began;
  }

  /** Keeps a response that was run elsewhere, whole. */
  save({ row, input, response, turns, keepMs }: Finished): void {
    this.records.keep({ row, input, response });
    this.records.append(turns);
    this.lives(keepMs);
  }

  /** Events of a response from `from` on. Waits a moment where there are none yet. */
  async page(id: string, from: number): Promise<Page> {
    const page = this.pageOf(id, from);
    if (page.standing !== "running" || page.sealed.length > 0 || page.fresh.frames.length > 0) return page;
    await this.runs.get(id)?.more(waitMs);
    return this.pageOf(id, from);
  }

  look(id: string): Look | undefined {
    const row = this.row(id);
    const kept = row && this.records.kept(row);
    const run = this.runs.get(id);
    return kept && { ...kept, ...(run && isOpen(kept.row) && { live: run.live }) };
  }

  /** What a request builds on. */
  gather({ previous, conversation, items }: Wanted): Gathered {
    this.lapse();
    const links: Kept[] = [];
    for (let id: string | null | undefined = previous; id; ) {
      const row: Row | undefined = this.records.row(id);
      const kept = row && this.records.kept(row);
      if (!kept) return { is: "missing", id };
      if (isOpen(kept.row)) return { is: "running", id };
      links.unshift(kept);
      if (sizeOf(links) > mostBytes) return { is: "vast" };
      id = kept.row.parent;
    }
    const turns = conversation ? this.records.conversation() && this.records.turns({ order: "asc", limit: Infinity })!.turns : undefined;
    const loose = items.flatMap((id) => this.records.turn(id) ?? []);
    const marks = new Set(items.flatMap((id) => markIn(id) ?? []));
    const kept = this.records.marked([...marks]).flatMap((row) => this.records.kept(row) ?? []);
    if (sizeOf([...links, ...kept]) + [...(turns ?? []), ...loose].reduce((sum, { bytes }) => sum + bytes.length, 0) > mostBytes) return { is: "vast" };
    return { is: "found", links, ...(turns && { turns }), kept, loose };
  }

  /** Ends a response that runs. Whatever it is then, it stays. */
  async cancel(id: string): Promise<void> {
    await this.runs.get(id)?.cancel();
  }

  /** False: there is none. */
  async remove(id: string): Promise<boolean> {
    const row = this.row(id);
    if (!row || row.deleted) return false;
    await this.cancel(id);
    this.records.erase(this.records.row(id)!);
    return true;
  }

  open(metadata: Uint8Array, turns: readonly Turn[], createdAtMs: number, keepMs: number): void {
    this.records.putConversation({ createdAtMs, next: 0, metadata });
    this.records.append(turns);
    this.lives(keepMs);
  }

  conversation(): { readonly createdAtMs: number; readonly metadata: Uint8Array } | undefined {
    return this.records.conversation();
  }

  describe(metadata: Uint8Array): void {
    const conversation = this.records.conversation();
    if (conversation) this.records.putConversation({ ...conversation, metadata });
  }

  append(turns: readonly Turn[], keepMs: number): void {
    if (!this.records.conversation()) return;
    this.records.append(turns);
    this.lives(keepMs);
  }

  turns(place: Place): { turns: Turn[]; more: boolean } | undefined {
    return this.records.turns(place);
  }

  turn(id: string): Turn | undefined {
    return this.records.turn(id);
  }

  dropTurn(id: string): boolean {
    return this.records.dropTurn(id);
  }

  dropConversation(): boolean {
    if (!this.records.conversation()) return false;
    this.records.dropConversation();
    return true;
  }

  override async alarm(): Promise<void> {
    this.lapse();
    const expiresAtMs = this.records.expiresAtMs() ?? 0;
    if (this.runs.size > 0) await this.ctx.storage.setAlarm(Date.now() + wakeMs);
    else if (expiresAtMs > Date.now()) await this.ctx.storage.setAlarm(expiresAtMs);
    else await this.ctx.storage.deleteAll();
  }

  private lives(keepMs: number): void {
    this.records.expireAt(Date.now() + keepMs);
    if (this.runs.size === 0) void this.ctx.storage.setAlarm(Date.now() + keepMs);
  }

  private row(id: string): Row | undefined {
    this.lapse();
    return this.records.row(id);
  }

  /** A run that is not in memory died with it: nobody knows what its provider did, and its money is charged by its lease. */
  private lapse(): void {
    for (const row of this.records.active()) if (!this.runs.has(row.id)) this.records.put({ ...row, status: "failed", lost: true });
  }

  private pageOf(id: string, from: number): Page {
    const row = this.row(id);
    const run = this.runs.get(id);
    const none = { first: from, frames: [] };
    if (!row?.streams || row.deleted) return { sealed: [], fresh: none, standing: "missing" };
    const sealed = this.records.events(id, from);
    const fresh = run?.fresh(sealed.at(-1)?.next ?? from) ?? none;
    const outcome = run?.result;
    const isLast = sealed.length === 0 && fresh.frames.length === 0 && !isOpen(row) && (!run || outcome);
    return { sealed, fresh, standing: !isLast ? "running" : row.lost ? "lost" : "over", ...(outcome && { outcome }) };
  }
}

const sizeOf = (kept: readonly Kept[]): number => kept.reduce((sum, { input, response }) => sum + input.length + response.length, 0);
