/** A response while it runs, in the object of its thread: read from the path event by event, told to whoever asks, written down in portions. */
import type { Outcome } from "../ledger/entry.ts";
import type { RequestContext } from "../pipeline/index.ts";
import { within } from "../within.ts";
import { brokenBy, errorOf } from "./broken.ts";
import { eventsIn } from "./frames.ts";
import { lastsIn } from "./lasting.ts";
import { answer, keptResponses } from "./path.ts";
import type { Records } from "./records.ts";
import { placeOf, type Begun, type Order, type Page, type Row, type Status } from "./stored.ts";
import { endingWith, failedAs, frameOf, isEnd, isObject, objects, shownEvent, Teller, type Json } from "./teller.ts";
import { Vault } from "./vault.ts";

/** How long events lie in memory only: each portion is a row. */
const flushMs = 1_000;
const flushCharacters = 256 * 1024;
/** How long the last word on money is waited for. */
const settledMs = 5_000;

/** What a run needs of its object. */
export type Ground = Pick<RequestContext, "isolate" | "waitUntil"> & { readonly records: Records };

export class Run {
  readonly began: Promise<Begun>;
  /** Settles when nothing of it is left to do. */
  readonly done: Promise<void>;
  private news = Promise.withResolvers<void>();
  private readonly beginning = Promise.withResolvers<Begun>();
  private readonly settled = Promise.withResolvers<Outcome>();
  private readonly controller = new AbortController();
  private readonly order: Order;
  private readonly ground: Ground;
  private readonly vault: Vault;
  private readonly teller: Teller;
  private row: Row;
  /** Frames that are not written yet; `next` is the place of the one that comes behind them. */
  private frames: string[] = [];
  private characters = 0;
  private next = 0;
  /** The response as it was last told, and its items that are done. */
  private current: Json;
  private readonly output: Json[] = [];
  private opened: Promise<void> | undefined;
  private ending: Promise<void> | undefined;
  private writing: Promise<void> = Promise.resolve();
  private flushing: ReturnType<typeof setTimeout> | null = null;
  private outcome: Outcome | undefined;
  /** How long the thread lives from its beginning on: known when it is known who asks. */
  private keepMs = 0;
  private changed = false;
  private broken: { code: string; message: string } | undefined;

  constructor(order: Order, ground: Ground) {
    this.order = order;
    this.ground = ground;
    this.vault = new Vault(order.opener);
    this.teller = new Teller(order.id, order.echo, order.renamed);
    this.current = JSON.parse(order.first) as Json;
    this.row = { id: order.id, parent: order.parent, status: order.background ? "queued" : "in_progress", background: order.background, createdAtMs: order.startedAtMs, streams: true };
    this.began = this.beginning.promise;
    this.done = this.work();
  }

  /** What it has told that is not written down yet, behind `from`. */
  fresh(from: number): Page["fresh"] {
    const first = this.next - this.frames.length;
    return { first: Math.max(first, from), frames: this.frames.slice(Math.max(0, from - first)) };
  }

  get result(): Page["outcome"] {
    if (!this.outcome) return undefined;
    const { end, usage, costNanoUsd } = this.outcome;
    return { end, usage, costNanoUsd };
  }

  /** Waits for more to tell, or to be over. */
  more(ms: number): Promise<unknown> {
    return within(this.news.promise, ms);
  }

  /** The response as far as it has come. */
  get live(): string {
    return JSON.stringify({ ...this.current, output: this.output.filter(Boolean) });
  }

  /** Ends it and its upstream call. */
  async cancel(): Promise<void> {
    await this.began;
    this.controller.abort();
    await this.end({ ...this.current, status: "cancelled", output: this.output.filter(Boolean) });
  }

  private async work(): Promise<void> {
    const { order, ground: { isolate, waitUntil } } = this;
    const { url, headers, region } = order.request;
    const context: RequestContext = {
      isolate, waitUntil, requestId: order.requestId, startedAtMs: order.startedAtMs,
      request: new Request(url, { method: "POST", headers: headers.map(([name, value]) => [name, value]), signal: this.controller.signal, cf: { continent: region } } as RequestInit),
      read: { text: order.text, json: JSON.parse(order.text) as unknown },
      ...(order.keyId !== undefined && { keyId: order.keyId }),
      named: { body: new Uint8Array(), settled: this.settled.resolve },
      recognised: (caller) => {
        if (this.opened) return;
        this.changed = true;
        this.keepMs = lastsIn(order.opener.thread, context, caller);
        this.changed = false;
      },
      ...(order.background && { admitted: () => void this.open([]).catch(() => {}) }),
    };
    try {
      const response = await answer(context, keptResponses);
      if (!response.ok && !this.opened) return await this.refuse(response);
      await this.open([...response.headers]);
      if (response.ok) await this.read(response);
      else this.broken = brokenBy(await response.text());
    } catch {
      // Whatever broke: the response ends as one that did.
    }
    if (!this.opened) this.beginning.reject(new Error("The response did not begin."));
    await this.opened?.catch(() => {});
    const { code, message } = this.broken ?? { code: "server_error", message: "The answer broke off." };
    await this.end(failedAs({ ...this.current, output: this.output.filter(Boolean) }, code, message));
  }

  private async refuse(response: Response): Promise<void> {
    this.beginning.resolve({ is: "refused", status: response.status, headers: [...response.headers], body: new Uint8Array(await response.arrayBuffer()), ...(this.changed && { changed: true }) });
  }

  /** From here on it is stored. */
  private open(headers: readonly (readonly [string, string])[]): Promise<void> {
    return (this.opened ??= this.write(async () => {
      const { id, input, background, first } = this.order;
      const [own, response] = await Promise.all([this.vault.seal(input, placeOf.input(id)), this.vault.seal(first, placeOf.response(id))]);
      this.ground.records.keep({ row: this.row, input: own, response });
      this.ground.records.expireAt(Date.now() + this.keepMs);
      if (background) for (const type of ["response.created", "response.queued"]) this.say({ type, sequence_number: this.next, response: this.current });
      this.beginning.resolve({ is: "begun", headers });
    }).catch((error: unknown) => {
      this.beginning.reject(error);
      throw error;
    }));
  }

  private async read(response: Response): Promise<void> {
    for await (const event of eventsIn(response, this.controller.signal)) if (!this.ending) this.take(event);
  }

  private take(event: Json): void {
    if (event.type === "error") {
      const { code, message } = errorOf(event);
      return void this.end(failedAs({ ...this.current, output: this.output.filter(Boolean) }, code, message), this.teller.event(event, this.next));
    }
    if (this.order.background && event.type === "response.created") return this.advance(event);
    const told = this.teller.event(event, this.next);
    if (event.type === "response.output_item.done" && isObject(told.item)) this.output[typeof event.output_index === "number" ? event.output_index : this.output.length] = told.item;
    if (isObject(told.response)) this.current = told.response;
    if (!isEnd(event)) return this.say(told);
    const { output } = this.current;
    void this.end(objects(output).length > 0 ? this.current : { ...this.current, output: this.output.filter(Boolean) });
  }

  private advance({ response }: Json): void {
    if (isObject(response)) this.current = this.teller.response(response);
  }

  private say(event: Json): void {
    const frame = frameOf(shownEvent(event, this.order.secrets));
    this.frames.push(frame);
    this.characters += frame.length;
    this.next += 1;
    this.tell();
    if (this.characters >= flushCharacters) void this.flush();
    else this.flushing ??= setTimeout(() => void this.flush(), flushMs);
  }

  private flush(): Promise<void> {
    clearTimeout(this.flushing);
    this.flushing = null;
    this.characters = 0;
    return this.write(async () => {
      const count = this.frames.length;
      if (count === 0) return;
      const first = this.next - count;
      const bytes = await this.vault.seal(this.frames.slice(0, count).join(""), placeOf.events(this.order.id, first));
      this.ground.records.putEvents(this.order.id, { first, next: first + count, bytes });
      this.frames.splice(0, count);
    });
  }

  /** One portion after the other. */
  private write(portion: () => Promise<void>): Promise<void> {
    const written = this.writing.then(portion);
    this.writing = written.catch(() => {});
    return written;
  }

  /** It is over, however it ended: told only when it is written. `last`: its last event, where that says nothing of the response. */
  private end(final: Json, last?: Json): Promise<void> {
    return (this.ending ??= this.close(final, last));
  }

  private async close(final: Json, last?: Json): Promise<void> {
    if (!this.opened) return;
    await this.flush();
    const { id, secrets } = this.order;
    this.row = { ...this.row, status: final.status as Status };
    this.current = final;
    await this.write(async () => {
      const first = this.next;
      const event = frameOf(shownEvent(last ?? endingWith(final, first), secrets));
      const [bytes, response, turns] = await Promise.all([
        this.vault.seal(event, placeOf.events(id, first)), this.vault.seal(JSON.stringify(final), placeOf.response(id)), this.turns(final),
      ]);
      const { records } = this.ground;
      if (records.row(id)?.deleted) return;
      records.putEvents(id, { first, next: first + 1, bytes });
      records.end(this.row, response);
      records.append(turns);
      this.next += 1;
    });
    this.tell();
    this.outcome = await within(this.settled.promise, settledMs);
    this.tell();
  }

  /** What it brings into its conversation: nothing, when it failed. */
  private turns({ status, output }: Json): Promise<{ id: string; bytes: Uint8Array }[]> {
    const { echo, input } = this.order;
    if (!echo.conversation || status === "failed" || status === "cancelled") return Promise.resolve([]);
    return sealedTurns(this.vault, [...(JSON.parse(input) as Json[]), ...objects(output)]);
  }

  private tell(): void {
    this.news.resolve();
    this.news = Promise.withResolvers();
  }
}

/** Items as a conversation keeps them. */
export const sealedTurns = (vault: Vault, items: readonly Json[]): Promise<{ id: string; bytes: Uint8Array }[]> =>
  Promise.all(items.map(async (item) => ({ id: String(item.id), bytes: await vault.seal(JSON.stringify(item), placeOf.turn(String(item.id))) })));
