/**
 * The circuit breaker of one deployment: closed → open → half open, by counts and a clock that are handed in. Half open is open
 * whose pause is over: real traffic probes. The same rules serve one isolate, event by event, and a region, batch by batch.
 */

/** How long attempts count: long enough for a deployment that is called every few seconds, short enough to forget a bad minute. */
export const windowMs = 30_000;
/** Nothing but failures: three, since one may be a dropped connection and two a restart. */
export const loneFailures = 3;
/** Under traffic: at least half failed, of enough attempts that it is no bad luck. */
export const windowFailures = 5;
/** Under traffic that just went dead: this many in a row. A deployment that fails one in four does so once in 5,000 attempts. */
export const failuresInRow = 6;
/** The first pause: about a provider's own restart or a burst of its limits. */
export const firstPauseMs = 2_000;
/** The longest pause, so that a deployment is never out for more than a minute after it has recovered. */
export const longestPauseMs = 60_000;
/** A probe that has not reported by then is taken for lost, and another may go. */
export const probeMs = 10_000;

const slotMs = 5_000;
const slots = windowMs / slotMs;
/** A region's word against one isolate's: this many answers within the last two slots, and more of them than failures. */
const answersAgainst = 10;

export type State = "closed" | "open" | "half_open";

/** What happened, in one event or in many. */
export type Batch = {
  readonly answered: number;
  readonly failed: number;
  /** Failures since the last answer among them. */
  readonly run: number;
  /** How long the provider asked to be left alone. */
  readonly retryAfterMs?: number | undefined;
};

export type Circuit = {
  open: boolean;
  /** When it last opened or closed; 0: never. */
  changedMs: number;
  /** Open: when it may be probed. */
  probeAtMs: number;
  /** Pauses so far without an answer; each is twice as long as the one before. */
  pauses: number;
  /** The provider named the pause itself. */
  asked: boolean;
  /** Until when a probe of this isolate is under way. */
  probeUntilMs: number;
  run: number;
  failedMs: number;
  slots: { n: number; answered: number; failed: number }[];
};

/** A circuit as it travels: without clocks, since those of two machines differ. */
export type ToldCircuit = {
  readonly open: boolean;
  readonly agoMs: number;
  readonly probeInMs: number;
  readonly pauses: number;
  readonly asked: boolean;
};

export const newCircuit = (): Circuit => ({
  open: false, changedMs: 0, probeAtMs: 0, pauses: 0, asked: false, probeUntilMs: 0, run: 0, failedMs: 0, slots: [],
});

export function stateAt(circuit: Circuit, nowMs: number): State {
  if (!circuit.open) return "closed";
  return nowMs < circuit.probeAtMs ? "open" : "half_open";
}

/** Whether an attempt may be made; of a half-open one it takes the probe. */
export function mayTry(circuit: Circuit, nowMs: number): boolean {
  const state = stateAt(circuit, nowMs);
  if (state !== "half_open") return state === "closed";
  if (nowMs < circuit.probeUntilMs) return false;
  circuit.probeUntilMs = nowMs + probeMs;
  return true;
}

/** Takes in what happened, the last of it at `atMs`. Returns whether it opened (again) or closed. */
export function observe(circuit: Circuit, batch: Batch, atMs: number): boolean {
  if (batch.answered + batch.failed === 0) return false;
  const state = stateAt(circuit, atMs);
  // A probe's answer stands, also where somebody else's failed meanwhile.
  const news = state === "half_open" || (state === "open" && probing(circuit, atMs));
  if (news && batch.answered > 0) return close(circuit, atMs, batch.run);
  if (batch.failed > 0) circuit.probeUntilMs = 0;
  // What comes in while it is open was sent before: it says nothing new.
  if (state === "open") return prolong(circuit, batch, atMs);
  if (state === "half_open") return batch.failed > 0 && open(circuit, batch, atMs);
  // Nor does what failed before it closed.
  if (atMs < circuit.changedMs) return false;
  tally(circuit, batch, atMs);
  return batch.failed > 0 && (askedMs(batch) > 0 || trips(circuit, atMs)) && open(circuit, batch, atMs);
}

/**
 * Takes over what another has seen, measured from `fromMs`. Between open and closed the later one counts; of two that are open the
 * longer pause. Returns whether anything changed.
 */
export function adopt(circuit: Circuit, told: ToldCircuit, fromMs: number): boolean {
  const changedMs = fromMs - Math.max(told.agoMs, 0);
  const probeAtMs = fromMs + Math.min(told.probeInMs, longestPauseMs);
  if (told.open && circuit.open) return prolongTo(circuit, { ...told, probeAtMs, changedMs });
  if (changedMs <= circuit.changedMs) return false;
  if (!told.open && circuit.open) return close(circuit, changedMs, 0);
  if (!told.open) {
    circuit.changedMs = changedMs;
    return true;
  }
  Object.assign(circuit, { open: true, changedMs, probeAtMs, pauses: told.pauses, asked: told.asked, run: 0 });
  return true;
}

/** As it travels; undefined when it never opened. */
export function tell(circuit: Circuit, nowMs: number): ToldCircuit | undefined {
  const { open, changedMs, probeAtMs, pauses, asked } = circuit;
  if (changedMs === 0) return undefined;
  return { open, agoMs: Math.max(nowMs - changedMs, 0), probeInMs: open ? probeAtMs - nowMs : 0, pauses, asked };
}

/** Whether what was seen here lately speaks against an opening by one isolate, whose own way out may be what is broken. */
export function contradicts(circuit: Circuit, told: ToldCircuit, nowMs: number): boolean {
  const { answered, failed } = lately(circuit, nowMs, 2);
  return told.open && !told.asked && !circuit.open && answered >= answersAgainst && answered > failed;
}

const askedMs = ({ retryAfterMs = 0 }: Batch): number => (retryAfterMs > 0 ? Math.min(retryAfterMs, longestPauseMs) : 0);

const probing = ({ probeUntilMs }: Circuit, atMs: number): boolean => atMs < probeUntilMs && atMs >= probeUntilMs - probeMs;

function close(circuit: Circuit, atMs: number, run: number): true {
  Object.assign(circuit, { open: false, changedMs: atMs, probeAtMs: 0, pauses: 0, asked: false, probeUntilMs: 0, run, slots: [] });
  return true;
}

function open(circuit: Circuit, batch: Batch, atMs: number): true {
  const pauseMs = Math.min(firstPauseMs * 2 ** circuit.pauses, longestPauseMs);
  const asked = askedMs(batch);
  const first = !circuit.open;
  circuit.probeAtMs = atMs + (first && asked > 0 ? asked : Math.max(pauseMs, asked));
  circuit.pauses = Math.min(circuit.pauses + 1, 10);
  Object.assign(circuit, { open: true, changedMs: atMs, asked: asked > 0, probeUntilMs: 0, run: 0 });
  return true;
}

function prolong(circuit: Circuit, batch: Batch, atMs: number): false {
  const untilMs = atMs + askedMs(batch);
  if (batch.failed > 0 && askedMs(batch) > 0 && untilMs > circuit.probeAtMs) circuit.probeAtMs = untilMs;
  return false;
}

function prolongTo(circuit: Circuit, { pauses, probeAtMs, changedMs, asked }: Pick<Circuit, "pauses" | "probeAtMs" | "changedMs" | "asked">): boolean {
  const before = { ...circuit };
  circuit.pauses = Math.max(pauses, before.pauses);
  circuit.probeAtMs = Math.max(probeAtMs, before.probeAtMs);
  circuit.changedMs = Math.max(changedMs, before.changedMs);
  circuit.asked ||= asked;
  return circuit.pauses > before.pauses || circuit.probeAtMs > before.probeAtMs || circuit.changedMs > before.changedMs;
}

function tally(circuit: Circuit, { answered, failed, run }: Batch, atMs: number): void {
  const n = Math.floor(atMs / slotMs);
  const slot = (circuit.slots[n % slots] ??= { n, answered: 0, failed: 0 });
  if (slot.n < n) Object.assign(slot, { n, answered: 0, failed: 0 });
  if (slot.n === n) {
    slot.answered += answered;
    slot.failed += failed;
  }
  if (atMs - circuit.failedMs >= windowMs) circuit.run = 0;
  // An answer that began before the last failure does not end the run.
  circuit.run = answered > 0 && atMs >= circuit.failedMs ? run : circuit.run + failed;
  if (failed > 0) circuit.failedMs = Math.max(circuit.failedMs, atMs);
}

function lately(circuit: Circuit, atMs: number, newest = slots): { answered: number; failed: number } {
  const oldest = Math.floor(atMs / slotMs) - newest;
  let answered = 0;
  let failed = 0;
  for (const slot of circuit.slots) {
    if (!slot || slot.n <= oldest) continue;
    answered += slot.answered;
    failed += slot.failed;
  }
  return { answered, failed };
}

function trips(circuit: Circuit, atMs: number): boolean {
  const { answered, failed } = lately(circuit, atMs);
  return circuit.run >= failuresInRow || (failed >= loneFailures && answered === 0) || (failed >= windowFailures && failed >= answered);
}
