/** What the leader's own client has yet to get. */

const mostBytes = 1024 * 1024;

/**
 * The leader's client is served from memory while it keeps up, and from the object once it has fallen behind: a client that stands
 * still, or a connection that is dead without saying so, must hold up neither the run nor those who have joined it.
 */
export class Tail {
  private queue: Uint8Array[] = [];
  private size = 0;
  private behind = false;
  private over = false;
  private news = Promise.withResolvers<void>();

  /** Takes bytes that stay as they are. */
  push(bytes: Uint8Array): void {
    if (this.behind || bytes.length === 0) return;
    this.queue.push(bytes);
    this.size += bytes.length;
    if (this.size > mostBytes) this.fallBehind();
    this.tell();
  }

  close(): void {
    this.over = true;
    this.tell();
  }

  /** All bytes, in order. `rest`: the same from where this client has come to. */
  async *pieces(rest: (from: number) => AsyncGenerator<Uint8Array, void>): AsyncGenerator<Uint8Array, void> {
    let given = 0;
    try {
      for (;;) {
        const piece = this.queue.shift();
        if (piece) {
          this.size -= piece.length;
          given += piece.length;
          yield piece;
        } else if (this.behind) {
          return yield* rest(given);
        } else if (this.over) {
          return;
        } else {
          await this.news.promise;
        }
      }
    } finally {
      this.fallBehind();
    }
  }

  private fallBehind(): void {
    this.behind = true;
    this.queue = [];
    this.size = 0;
  }

  private tell(): void {
    this.news.resolve();
    this.news = Promise.withResolvers();
  }
}
