/** How a key's object comes by its allotments: one draw at a time, for all that waits. */
import type { Ask, Drawn, Lack } from "./account.ts";
import type { Allotments } from "./allotments.ts";
import type { Estimate, MeterOperation, MeterReply } from "./policy.ts";
import { within } from "../within.ts";

/** Longer than the account needs when a key that it must ask does not answer. */
const answerMs = 8_000;

/** What waits for a draw, joint. */
type Draw = { needed: Estimate; lacking: Promise<readonly Lack[]> };

type Reserve = Extract<MeterOperation, { do: "reserve" }>;
/** A reservation for which what the key was allotted does not suffice. */
export type Short = { is: "short"; pools: readonly string[] };

/** What drawing needs of its key. */
export type Drawer = {
  ask: (asks: Ask[]) => Promise<Drawn>;
  reserve: (operation: Reserve) => MeterReply | Short;
  refuse: (lacking: readonly Lack[], operation: Reserve) => MeterReply;
};

/** A draw that comes back full suffices, unless the account asks this key back in between: twice in a row is beyond bad luck. */
const mostDraws = 8;

export class Drawing {
  private next: Draw | undefined;
  private running: Promise<unknown> = Promise.resolve();
  private readonly allotments: Allotments;
  private readonly drawer: Drawer;

  constructor(allotments: Allotments, drawer: Drawer) {
    this.allotments = allotments;
    this.drawer = drawer;
  }

  /** Draws until each reservation that was short is granted, or refused by a pool that has no room for it. Never rejects. */
  async finish(operations: readonly MeterOperation[], replies: readonly (MeterReply | Short)[]): Promise<MeterReply[]> {
    const answers = [...replies];
    const waiting = operations.flatMap((operation, i) => (answers[i]!.is === "short" && operation.do === "reserve" ? [{ operation, i }] : []));
    for (let draws = 0; draws < mostDraws && answers.some(({ is }) => is === "short"); draws += 1) {
      const open = waiting.filter(({ i }) => answers[i]!.is === "short");
      const lacking = await this.draw(open.map(({ operation }) => operation.estimate));
      for (const { operation, i } of open) {
        const answer = this.drawer.reserve(operation);
        const lacks = answer.is === "short" ? lacking.filter(({ pool }) => answer.pools.includes(pool)) : [];
        answers[i] = lacks.length > 0 ? this.drawer.refuse(lacks, operation) : answer;
      }
    }
    for (const { operation, i } of waiting) if (answers[i]!.is === "short") answers[i] = this.drawer.refuse([], operation);
    return answers as MeterReply[];
  }

  /** Draws for what is held without an allotment. Never rejects. */
  async cover(): Promise<void> {
    await this.draw([]);
  }

  /**
   * Draws for these estimates and all others that come up before the draw begins, and takes what is granted. Returns the pools that
   * did not have enough. Never rejects.
   */
  private draw(estimates: readonly Estimate[]): Promise<readonly Lack[]> {
    const draw = (this.next ??= this.begin());
    for (const { tokens, nanoUsd } of estimates) {
      draw.needed.tokens += tokens;
      draw.needed.nanoUsd += nanoUsd;
    }
    return draw.lacking;
  }

  private begin(): Draw {
    const needed = { tokens: 0, nanoUsd: 0 };
    const lacking = this.running.then(() => {
      this.next = undefined;
      return this.run(needed);
    });
    this.running = lacking;
    return { needed, lacking };
  }

  private async run(needed: Estimate): Promise<readonly Lack[]> {
    const now = Date.now();
    const asks = this.allotments.asks(needed, now);
    if (asks.length === 0) return [];
    try {
      const drawn = await within(this.drawer.ask(asks), answerMs);
      if (!drawn) return asks.map(unanswered);
      this.allotments.take(drawn.grants);
      return drawn.lacking;
    } catch {
      return asks.map(unanswered);
    }
  }
}

const unanswered = ({ pool }: Ask): Lack => ({ pool, obtainable: 0, unsure: true, endMs: 0 });
