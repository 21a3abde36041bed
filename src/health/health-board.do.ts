import { DurableObject } from "cloudflare:workers";
import { Board, type Report, type Seen, type Snapshot } from "./board.ts";

/**
 * What a region's isolates know of the deployments' health. It lives in memory only and forgets all when it is evicted (which is
 * some ten seconds after the last call): the isolates then tell it again. No storage, no alarm, nothing awaited.
 */
export class HealthBoard extends DurableObject<Cloudflare.Env> {
  private readonly board = new Board(crypto.randomUUID());

  exchange(report: Report): Snapshot {
    return this.board.exchange(report, Date.now());
  }

  look(): Seen[] {
    return this.board.look(Date.now());
  }
}
