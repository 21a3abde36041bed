/** The few things of Node that the simulation stands on: its files are checked with the Worker's types, which Node's own contradict. */
declare module "node:sqlite" {
  type Value = string | number | bigint | null | Uint8Array;
  export class StatementSync {
    all(...values: Value[]): Record<string, Value>[];
    run(...values: Value[]): { changes: number };
  }
  export class DatabaseSync {
    constructor(path: string);
    exec(sql: string): void;
    prepare(sql: string): StatementSync;
    close(): void;
  }
}
declare module "node:crypto" {
  type Hash = { update(data: Uint8Array): Hash; digest(): Uint8Array };
  export function createHash(algorithm: "sha256"): Hash;
}
declare module "node:async_hooks" {
  export class AsyncLocalStorage<T> {
    run<R>(store: T, work: () => R): R;
    getStore(): T | undefined;
  }
}
declare const process: { env: Record<string, string | undefined> };
