/** The beginning of a stream, up to which another upstream can take its place. */

/** `begun`: something of it is on its way to the client; `refused`: it failed, or ended, with nothing said; `late`: it was given up. */
export type Opened = "begun" | "refused" | "late";

/** Between the one who pumps a stream and the one who decides whether it is the answer. Until it has begun nothing is written. */
export class Opening {
  /** Settles once. */
  readonly opened: Promise<Opened>;
  state: "waiting" | Opened = "waiting";
  private readonly decided = Promise.withResolvers<Opened>();
  private stop: (() => void) | undefined;

  constructor() {
    this.opened = this.decided.promise;
  }

  get waiting(): boolean {
    return this.state === "waiting";
  }

  /** Set by the pump: how to end the upstream without a word to the client. */
  onStop(stop: () => void): void {
    this.stop = stop;
  }

  begin(): void {
    this.decide("begun");
  }

  refuse(): void {
    this.decide("refused");
  }

  /** Gives the stream up, unless it has begun. Says whether that was still possible. */
  giveUp(): boolean {
    if (!this.waiting) return this.state !== "begun";
    this.decide("late");
    this.stop?.();
    return true;
  }

  private decide(state: Opened): void {
    if (this.state !== "waiting") return;
    this.state = state;
    this.decided.resolve(state);
  }
}
