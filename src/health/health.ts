/** What one isolate knows of the deployments' health: what it saw itself at once, what the region's others saw a little later. */
import { log } from "../telemetry/index.ts";
import { within } from "../within.ts";
import { forget, mostDeployments, type Failure, type News, type Report, type Snapshot, type Told } from "./board.ts";
import { adopt, mayTry, newCircuit, observe, stateAt, tell, type Circuit, type ToldCircuit } from "./circuit.ts";
import { decay, figuresOf, newDelta, newVitals, record, type Delta, type Event, type Figures, type Standing, type Vitals } from "./vitals.ts";

/** Between two exchanges of an isolate, while there is something to tell. */
export const exchangeEveryMs = 2_000;
/** When a circuit has just turned. An outage turns hundreds at once: they share a call. */
export const urgentEveryMs = 250;
/** While traffic flows but nothing is to be told. */
export const listenEveryMs = 5_000;
/** An exchange that takes longer is given up; one whose request died with its context stops counting. */
export const exchangeMs = 5_000;
/** A region that was not heard for this long knows less than the isolate itself. */
const regionFreshMs = 60_000;
const logEveryMs = 60_000;

/** The region's boards; `env.HEALTH_BOARD` is one. */
export type Boards = { getByName(region: string): { exchange(report: Report): PromiseLike<Snapshot> } };

type Untold = Delta & { run: number; lastMs: number };

type Held = {
  readonly circuit: Circuit;
  /** Seen by this isolate. */
  readonly own: Vitals;
  /** Seen by the region. */
  region?: Figures;
  untold?: Untold | undefined;
  standing?: Standing | undefined;
  failure?: Failure;
  touchedMs: number;
};

/** Sent, and not known to have arrived: it goes again as it is. */
type Sent = { readonly number: number; readonly board: string | undefined; readonly again: boolean; readonly news: [string, Untold][] };

/**
 * One per isolate. A deployment is any string: `provider/upstream id`, with `@place` for one of several origins. A provider's
 * refusal of an organisation's own credential says nothing of the deployment for others: note it under a key of its own or not at all.
 *
 * How stale: what this isolate sees counts at once. News reach the board within two seconds and a call, a circuit that opens or
 * closes within a quarter of a second and a call; an isolate hears what the board has within two seconds and a call while its
 * traffic has outcomes, within five while it has none. A lost exchange costs freshness only: its counts are sent again as they
 * are, and added once; a board that was restarted is told all that its isolates still have. Without a board each stands alone.
 */
export class Health {
  private readonly held = new Map<string, Held>();
  /** Deployments with something untold; circuits that turned here, and when. */
  private readonly news = new Set<string>();
  private readonly turned = new Map<string, number>();
  private urgent = false;
  private id: string | undefined;
  private region: string | undefined;
  private number = 0;
  private sent: Sent | undefined;
  private board: string | undefined;
  private version = 0;
  private call: { readonly atMs: number } | undefined;
  private askedMs = -Infinity;
  private heardMs = -Infinity;
  private failedMs = -Infinity;
  private loggedMs = -Infinity;

  /** Takes in what an attempt came to. */
  note(deployment: string, event: Event, nowMs: number): void {
    const held = this.held.get(deployment) ?? this.add(deployment, nowMs);
    const untold = (held.untold ??= this.begin(deployment, held, nowMs));
    decay(held.own, nowMs);
    record(held.own, event);
    record(untold, event);
    held.standing = undefined;
    if (event.is === "streamed") return;
    const failed = event.is === "failed" ? 1 : 0;
    if (event.is === "failed" && event.why) held.failure = { ...event.why, atMs: nowMs };
    untold.run = failed ? untold.run + 1 : 0;
    // An answer is told of the time when its first byte came: what follows of it is no news.
    const atMs = event.is === "answered" ? nowMs - Math.max(event.streamMs ?? 0, 0) : nowMs;
    untold.lastMs = Math.max(untold.lastMs, atMs);
    const batch = { answered: 1 - failed, failed, run: failed, retryAfterMs: event.is === "failed" ? event.retryAfterMs : undefined };
    if (!observe(held.circuit, batch, atMs)) return;
    this.turned.set(deployment, held.circuit.changedMs);
    this.urgent = true;
  }

  /** How a deployment stands; undefined: nothing is known, which is no reason against it. */
  of(deployment: string, nowMs: number): Standing | undefined {
    const held = this.held.get(deployment);
    if (held === undefined) return undefined;
    const state = stateAt(held.circuit, nowMs);
    if (held.standing?.state === state) return held.standing;
    const own = figuresOf(held.own);
    const figures = nowMs - this.heardMs < regionFreshMs ? { ...own, ...held.region } : { ...held.region, ...own };
    return (held.standing = { state, ...(state === "open" && { probeAtMs: held.circuit.probeAtMs }), ...figures });
  }

  /** Whether an attempt may be made now. Of a half-open deployment the first to ask gets the probe and must make the attempt. */
  mayTry(deployment: string, nowMs: number): boolean {
    const held = this.held.get(deployment);
    return held === undefined || mayTry(held.circuit, nowMs);
  }

  /**
   * Exchanges news with the region's board in `waitUntil` when it is time. Call it with every request: mostly it does nothing.
   * The isolate keeps to the region of its first request. Never throws.
   */
  sync(boards: Boards, region: string, nowMs: number, waitUntil: (promise: Promise<unknown>) => void): void {
    if (!this.due(nowMs)) return;
    const call = (this.call = { atMs: nowMs });
    this.askedMs = nowMs;
    this.urgent = false;
    this.region ??= region;
    waitUntil(this.exchange(boards, this.region, call));
  }

  private due(nowMs: number): boolean {
    if (this.call !== undefined && nowMs - this.call.atMs < exchangeMs) return false;
    const sinceMs = nowMs - this.askedMs;
    if (nowMs - this.failedMs < exchangeEveryMs || sinceMs < urgentEveryMs) return false;
    if (this.urgent) return true;
    return sinceMs >= (this.news.size > 0 || this.turned.size > 0 || this.sent !== undefined ? exchangeEveryMs : listenEveryMs);
  }

  private async exchange(boards: Boards, region: string, call: { readonly atMs: number }): Promise<void> {
    const { atMs } = call;
    try {
      this.id ??= crypto.randomUUID();
      const board = boards.getByName(region);
      for (const again of [false, true]) {
        const sent = (this.sent = again ? this.takeAll(atMs) : (this.sent ?? this.take()));
        const turned = [...this.turned];
        const snapshot = await within(board.exchange(this.report(sent, turned, atMs)), exchangeMs);
        // Given up meanwhile, and another is under way.
        if (this.call !== call) return;
        if (snapshot === undefined) throw new Error("The board did not answer in time.");
        if (snapshot.is === "taken") return this.hear(snapshot, turned, atMs);
        this.board = snapshot.board;
        this.version = 0;
      }
    } catch (error) {
      if (this.call === call) this.failed(error, atMs);
    } finally {
      if (this.call === call) this.call = undefined;
    }
  }

  private report({ number, board, again, news }: Sent, turned: readonly [string, number][], nowMs: number): Report {
    const told = again ? [...this.held.keys()] : turned.map(([deployment]) => deployment);
    return {
      from: this.id!, number, board, again, since: this.version,
      news: news.map(([deployment, { lastMs, ...delta }]): [string, News] => [deployment, { ...delta, agoMs: Math.max(nowMs - lastMs, 0), ...(delta.failed > 0 && this.failureOf(deployment, nowMs)) }]),
      circuits: told.flatMap((deployment): [string, ToldCircuit][] => {
        const circuit = this.held.get(deployment)?.circuit;
        const said = circuit && tell(circuit, nowMs);
        return said ? [[deployment, said]] : [];
      }),
    };
  }

  private failureOf(deployment: string, nowMs: number): Pick<News, "failure"> {
    const failure = this.held.get(deployment)?.failure;
    if (!failure) return {};
    const { atMs, ...why } = failure;
    return { failure: { ...why, agoMs: nowMs - atMs } };
  }

  private take(): Sent {
    const news: Sent["news"] = [];
    for (const deployment of this.news) {
      const held = this.held.get(deployment);
      if (held?.untold) news.push([deployment, held.untold]);
      if (held) held.untold = undefined;
    }
    this.news.clear();
    return { number: (this.number += 1), board: this.board, again: false, news };
  }

  /** For a board that knows nothing of this isolate: all that it has seen lately. */
  private takeAll(nowMs: number): Sent {
    this.take();
    const news = [...this.held].filter(([, { own }]) => own.answered + own.failed > 0).map(([deployment, { own }]): [string, Untold] => {
      const { answered, failed, firstByteMs, tokensPerSecond } = own;
      return [deployment, { answered, failed, firstByteMs: [...firstByteMs], tokensPerSecond: [...tokensPerSecond], run: 0, lastMs: nowMs }];
    });
    return { number: this.number, board: this.board, again: true, news };
  }

  private hear(snapshot: Extract<Snapshot, { is: "taken" }>, turned: readonly [string, number][], nowMs: number): void {
    this.sent = undefined;
    for (const [deployment, changedMs] of turned) if (this.turned.get(deployment) === changedMs) this.turned.delete(deployment);
    this.board = snapshot.board;
    this.version = snapshot.version;
    this.heardMs = nowMs;
    for (const told of snapshot.changed) this.adopt(told, nowMs);
    forget(this.held, nowMs);
  }

  /** Ages are counted from when the call was made, so that what comes back of this isolate's own is no later than it was. */
  private adopt({ deployment, figures, circuit }: Told, nowMs: number): void {
    const held = this.held.get(deployment) ?? this.add(deployment, nowMs);
    this.touch(deployment, held, nowMs);
    held.region = figures;
    held.standing = undefined;
    if (circuit) adopt(held.circuit, circuit, nowMs);
  }

  private failed(error: unknown, nowMs: number): void {
    this.failedMs = nowMs;
    if (nowMs - this.loggedMs < logEveryMs) return;
    this.loggedMs = nowMs;
    log("warn", "health_exchange_failed", { problem: String(error) });
  }

  private add(deployment: string, nowMs: number): Held {
    const held: Held = { circuit: newCircuit(), own: newVitals(nowMs), touchedMs: nowMs };
    this.held.set(deployment, held);
    if (this.held.size > mostDeployments) forget(this.held, nowMs);
    return held;
  }

  private begin(deployment: string, held: Held, nowMs: number): Untold {
    this.news.add(deployment);
    this.touch(deployment, held, nowMs);
    return { ...newDelta(), run: 0, lastMs: 0 };
  }

  private touch(deployment: string, held: Held, nowMs: number): void {
    held.touchedMs = nowMs;
    this.held.delete(deployment);
    this.held.set(deployment, held);
  }
}
