/** A hash chain over ledger entries: who holds one link can tell whether any entry before it was changed, left out or put in. */
import canonicalize from "canonicalize";

/** Where an entry stands in its key's chain. `sequence` counts from 1; `hash`: SHA-256, in hex, of `previous`, a line feed and the entry in canonical JSON (RFC 8785). */
export type Link = { sequence: number; previous: string; hash: string };
/** The end of a chain so far. */
export type Head = Pick<Link, "sequence" | "hash">;
/** What stands before the first entry. */
export const noHead: Head = { sequence: 0, hash: "0".repeat(64) };

/** An entry as it is chained: an id, the key it belongs to, and whatever the ledger says of it. */
export type Chained = { id: string; at: number; keyId: string; organisationId: string } & Record<string, unknown>;

const encoder = new TextEncoder();
const hexOf = (bytes: ArrayBuffer): string => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** The link of `entry` behind `head`. */
export async function linkAfter(head: Head, entry: Chained): Promise<Link> {
  const text = `${head.hash}\n${canonicalize(entry)}`;
  const hash = hexOf(await crypto.subtle.digest("SHA-256", encoder.encode(text)));
  return { sequence: head.sequence + 1, previous: head.hash, hash };
}
