import { setTimeout as sleep } from "node:timers/promises";

/** What the ledger tells of a request to its own key, as soon as that is settled. Throws when nothing is there after five seconds. */
export async function entryOf<Entry>(url: string, secret: string, requestId: string | null | undefined): Promise<Entry> {
  for (const end = Date.now() + 5_000; Date.now() < end; await sleep(20)) {
    const answer = await fetch(`${url}/dashboard/requests/${requestId}`, { headers: { authorization: `Bearer ${secret}` } });
    if (answer.ok) return (await answer.json()) as Entry;
    await answer.body?.cancel();
  }
  throw new Error(`no ledger entry for ${requestId}`);
}
