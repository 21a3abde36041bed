/** A D1 that fails for one object: what the object writes either never arrives, or arrives without the object hearing of it. */
import type { KeyMeter } from "../../src/limits/index.ts";

type Inside = { env: Cloudflare.Env };

/** Replaces the object's D1 from inside it. Returns what puts the real one back. */
export function failingD1(object: KeyMeter, when: "before" | "after"): () => void {
  return withD1(object, async (go) => {
    if (when === "after") await go();
    throw new Error("D1_ERROR: Network connection lost.");
  });
}

/** Lets `around` run each batch that the object sends. Returns what puts the real D1 back. */
export function withD1(object: KeyMeter, around: (go: () => Promise<D1Result[]>) => Promise<D1Result[]>): () => void {
  const inside = object as unknown as Inside;
  const real = inside.env;
  const DB = { prepare: (sql: string) => real.DB.prepare(sql), batch: (statements: D1PreparedStatement[]) => around(() => real.DB.batch(statements)) };
  inside.env = { ...real, DB: DB as unknown as D1Database };
  return () => void (inside.env = real);
}
