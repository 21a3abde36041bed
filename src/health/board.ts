/** What a region's isolates tell each other: a board that adds up their reports, and the words they use. The clock is passed in. */
import { adopt, contradicts, newCircuit, observe, stateAt, tell, type Circuit, type State, type ToldCircuit } from "./circuit.ts";
import { decay, figuresOf, merge, newVitals, sameFigures, type Delta, type Figures, type Vitals, type Why } from "./vitals.ts";

/** As many deployments are held, in the isolate and on the board; the ones silent for longest go first. */
export const mostDeployments = 5_000;
/** Whatever was silent for this long is forgotten. */
export const silentMs = 3_600_000;
const mostIsolates = 10_000;

/** What an isolate has seen of one deployment since its last report. */
export type News = Delta & {
  /** Failures since the last answer. */
  readonly run: number;
  readonly agoMs: number;
  /** The last failure of all, where there is one among them. */
  readonly failure?: (Why & { readonly agoMs: number }) | undefined;
};

export type Report = {
  /** Which isolate; any id of its own. */
  readonly from: string;
  /** Counts up from 1. A report that comes again carries its number again, and its counts are added once. */
  readonly number: number;
  /** Which board the isolate has told so far; undefined when none: then its news are all it has. */
  readonly board: string | undefined;
  /** All that the isolate has seen lately, for a board that had forgotten it: it is no news. */
  readonly again?: boolean;
  /** The snapshot's version that the isolate has. */
  readonly since: number;
  readonly news: readonly (readonly [deployment: string, News])[];
  /** Circuits that changed. They are states and not counts: telling one twice does no harm. */
  readonly circuits: readonly (readonly [deployment: string, ToldCircuit])[];
};

export type Told = { readonly deployment: string; readonly figures: Figures; readonly circuit?: ToldCircuit | undefined };

export type Snapshot =
  /** This board woke up since: nothing was taken. Tell it again what you have. */
  | { readonly is: "strange"; readonly board: string }
  | { readonly is: "taken"; readonly board: string; readonly version: number; readonly changed: readonly Told[] };

export type Failure = Why & { readonly atMs: number };

/**
 * A deployment as the board has it. `answered`, `failed`: attempts, of which those that are older by the half-life count half. `probeAtMs`: open, until
 * when it is left alone. `failure`: the last that was told of.
 */
export type Seen = {
  readonly deployment: string; readonly answered: number; readonly failed: number; readonly figures: Figures; readonly state: State; readonly touchedMs: number;
  readonly probeAtMs?: number; readonly failure?: Failure;
};

type Row = { vitals: Vitals; circuit: Circuit; figures: Figures; version: number; touchedMs: number; failure?: Failure };

/** Forgets the silent ones of a map that holds the one touched last at its end. */
export function forget(rows: Map<string, { readonly touchedMs: number }>, nowMs: number): void {
  for (const [deployment, { touchedMs }] of rows) {
    if (rows.size <= mostDeployments && nowMs - touchedMs < silentMs) return;
    rows.delete(deployment);
  }
}

/** Of two failures the later one stays. */
function fail(row: Row, { agoMs, ...why }: NonNullable<News["failure"]>, nowMs: number): void {
  const atMs = nowMs - Math.max(agoMs, 0);
  if (atMs >= (row.failure?.atMs ?? 0)) row.failure = { ...why, atMs };
}

export class Board {
  readonly id: string;
  private version = 0;
  private readonly rows = new Map<string, Row>();
  /** Number of each isolate's last report. */
  private readonly heard = new Map<string, number>();

  constructor(id: string) {
    this.id = id;
  }

  /** Takes a report and answers with what changed since the caller's last one, whoever told it. */
  exchange(report: Report, nowMs: number): Snapshot {
    const { from, number, board, again = false, since } = report;
    if (board !== undefined && board !== this.id) return { is: "strange", board: this.id };
    if (number > (this.heard.get(from) ?? 0)) for (const [deployment, news] of report.news) this.count(deployment, news, again, nowMs);
    for (const [deployment, told] of report.circuits) this.turn(deployment, told, nowMs);
    this.heard.delete(from);
    this.heard.set(from, number);
    if (this.heard.size > mostIsolates) this.heard.delete(this.heard.keys().next().value!);
    forget(this.rows, nowMs);
    return { is: "taken", board: this.id, version: this.version, changed: this.changedSince(since, nowMs) };
  }

  /** Every deployment that it has heard of, as it is now. */
  look(nowMs: number): Seen[] {
    return [...this.rows].map(([deployment, { vitals, circuit, touchedMs, failure }]) => {
      decay(vitals, nowMs);
      const state = stateAt(circuit, nowMs);
      return { deployment, answered: vitals.answered, failed: vitals.failed, figures: figuresOf(vitals), state, touchedMs, ...(state === "open" && { probeAtMs: circuit.probeAtMs }), ...(failure && { failure }) };
    });
  }

  private count(deployment: string, news: News, again: boolean, nowMs: number): void {
    const row = this.row(deployment, nowMs);
    merge(row.vitals, news, nowMs);
    if (news.failure) fail(row, news.failure, nowMs);
    const figures = figuresOf(row.vitals);
    const turned = !again && observe(row.circuit, { answered: news.answered, failed: news.failed, run: news.run }, nowMs - Math.max(news.agoMs, 0));
    if (turned || !sameFigures(row.figures, figures)) row.version = this.version += 1;
    row.figures = figures;
  }

  private turn(deployment: string, told: ToldCircuit, nowMs: number): void {
    const row = this.row(deployment, nowMs);
    if (!contradicts(row.circuit, told, nowMs) && adopt(row.circuit, told, nowMs)) row.version = this.version += 1;
  }

  private changedSince(since: number, nowMs: number): Told[] {
    const changed: Told[] = [];
    if (since >= this.version) return changed;
    for (const [deployment, { version, figures, circuit }] of this.rows) if (version > since) changed.push({ deployment, figures, circuit: tell(circuit, nowMs) });
    return changed;
  }

  private row(deployment: string, nowMs: number): Row {
    const row = this.rows.get(deployment) ?? { vitals: newVitals(nowMs), circuit: newCircuit(), figures: {}, version: 0, touchedMs: nowMs };
    row.touchedMs = nowMs;
    this.rows.delete(deployment);
    this.rows.set(deployment, row);
    return row;
  }
}
