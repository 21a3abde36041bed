/** How a key's object comes by its allotments: one draw at a time, for all that waits. */
import type { Ask, Drawn, Lack } from "./account.ts";
import type { Allotments } from "./allotments.ts";
import type { Estimate } from "./policy.ts";
import { within } from "./within.ts";

/** Longer than the account needs when a key that it must ask does not answer. */
const answerMs = 8_000;

/** What waits for a draw, together. */
type Draw = { needed: Estimate; lacking: Promise<readonly Lack[]> };

export class Drawing {
  private next: Draw | undefined;
  private running: Promise<unknown> = Promise.resolve();
  private readonly allotments: Allotments;
  private readonly ask: (asks: Ask[]) => Promise<Drawn>;

  constructor(allotments: Allotments, ask: (asks: Ask[]) => Promise<Drawn>) {
    this.allotments = allotments;
    this.ask = ask;
  }

  /**
   * Draws for these estimates and all others that come up before the draw begins, and takes what is granted. Returns the pools that
   * did not have enough. Never rejects.
   */
  draw(estimates: readonly Estimate[]): Promise<readonly Lack[]> {
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
      const drawn = await within(this.ask(asks), answerMs);
      if (!drawn) return asks.map(unanswered);
      this.allotments.take(drawn.grants);
      return drawn.lacking;
    } catch {
      return asks.map(unanswered);
    }
  }
}

const unanswered = ({ pool }: Ask): Lack => ({ pool, obtainable: 0, unsure: true, endMs: 0 });
