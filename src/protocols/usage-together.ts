/** What several answers used, told as one. */
import { record, type Json } from "./json.ts";

/** Figures of a usage object and another one's, by their names; what only one of them has is kept, but for a cost, of which half is no cost. */
export function usageTogether(a: Json, b: Json): Json {
  const names = new Set([...Object.keys(a), ...Object.keys(b)].filter((name) => name !== "cost" || (name in a && name in b)));
  return Object.fromEntries([...names].map((name) => {
    const [one, other] = [a[name], b[name]];
    if (typeof one === "number" && typeof other === "number") return [name, one + other];
    return [name, typeof one === "object" && typeof other === "object" && one && other ? usageTogether(record(one), record(other)) : (one ?? other)];
  }));
}
