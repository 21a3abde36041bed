/** A refresh dies with the request that runs it, so after this long another request tries again. */
const refreshRetryMs = 10_000;

/** A value kept in the isolate: read when cold, then served as it is while one refresh runs in the background. */
export class Held<T> {
  private value: T | undefined;
  private refreshAtMs = 0;
  private reads = 0;
  private heldRead = 0;
  private readonly read: (last: T | undefined) => Promise<T>;
  private readonly freshMs: number;
  private readonly failed: (error: unknown) => void;

  /** `read` gets the value that it would replace, and throws for that one to stay; `failed` hears why. */
  constructor(read: (last: T | undefined) => Promise<T>, freshMs: number, failed: (error: unknown) => void = () => {}) {
    this.read = read;
    this.freshMs = freshMs;
    this.failed = failed;
  }

  /** The value without waiting, or undefined when cold. An old one starts a refresh; a failed refresh keeps the old one. */
  peek(nowMs: number, waitUntil: (promise: Promise<unknown>) => void): T | undefined {
    if (this.value !== undefined && nowMs >= this.refreshAtMs) {
      this.refreshAtMs = nowMs + refreshRetryMs;
      waitUntil(this.refresh(nowMs).catch(this.failed));
    }
    return this.value;
  }

  /** The value, read now when there is none. */
  async get(nowMs: number, waitUntil: (promise: Promise<unknown>) => void): Promise<T> {
    return this.peek(nowMs, waitUntil) ?? (await this.refresh(nowMs));
  }

  /** Reads it anew. Of two reads that overlap, the one that began later is kept: the other may not know what was just written. */
  async refresh(nowMs: number): Promise<T> {
    const read = ++this.reads;
    const value = await this.read(this.value);
    if (read < this.heldRead) return this.value!;
    this.heldRead = read;
    this.value = value;
    this.refreshAtMs = nowMs + this.freshMs;
    return value;
  }
}
