/** What a finished request cost and used, as its key's meter has it. */

/** How often, and after how long, the meter is asked. */
const tries = 8;
const afterMs = 250;

export type Cost = { cost: string; input: number; output: number };

/** undefined: the meter does not say. */
export async function costOf(requestId: string, key: string): Promise<Cost | undefined> {
  for (let i = 0; i < tries; i += 1) {
    await new Promise((done) => setTimeout(done, afterMs * (i + 1)));
    const response = await fetch(`/dashboard/playground/requests/${encodeURIComponent(requestId)}?key=${encodeURIComponent(key)}`, { redirect: "error" }).catch(() => undefined);
    if (response?.ok) return response.json() as Promise<Cost>;
  }
  return undefined;
}
