/** A value kept in the isolate: read when cold, then served as it is while one refresh runs in the background. */
export class Held<T> {
  private value: T | undefined;
  private readAtMs = 0;
  private refreshing = false;
  private readonly read: () => Promise<T>;
  private readonly freshMs: number;

  constructor(read: () => Promise<T>, freshMs: number) {
    this.read = read;
    this.freshMs = freshMs;
  }

  /** The value without waiting, or undefined when cold. An old one starts a refresh; a failed refresh keeps the old one. */
  peek(nowMs: number, waitUntil: (promise: Promise<unknown>) => void): T | undefined {
    if (this.value !== undefined && nowMs - this.readAtMs > this.freshMs && !this.refreshing) {
      this.refreshing = true;
      waitUntil(this.refresh(nowMs).catch(() => {}).finally(() => (this.refreshing = false)));
    }
    return this.value;
  }

  /** The value, read now when there is none. */
  async get(nowMs: number, waitUntil: (promise: Promise<unknown>) => void): Promise<T> {
    return this.peek(nowMs, waitUntil) ?? (await this.refresh(nowMs));
  }

  /** Reads it anew. */
  async refresh(nowMs: number): Promise<T> {
    const value = await this.read();
    this.value = value;
    this.readAtMs = nowMs;
    return value;
  }
}
