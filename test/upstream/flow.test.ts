import { describe, expect, test } from "vitest";
import { flow } from "../../src/upstream/flow.ts";

const options = { idleMs: 10_000, sent: () => {}, signal: new AbortController().signal };

/** An upstream's answer that is pulled piece by piece. */
function upstream(next: (turn: number) => Uint8Array | "end" | "break" | "silence") {
  const seen = { asked: 0, cancelled: false };
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const said = next(seen.asked++);
      if (said === "end") controller.close();
      else if (said === "break") controller.error(new Error("broke"));
      else if (said === "silence") await new Promise(() => {});
      else controller.enqueue(said);
    },
    cancel: () => void (seen.cancelled = true),
  }, { highWaterMark: 0 });
  return { body, seen };
}

const three = (turn: number) => (turn < 3 ? new Uint8Array([turn]) : ("end" as const));

describe("an answer of bytes", () => {
  test("goes on as it comes, and every piece is heard", async () => {
    const heard: number[] = [];
    const { readable, end } = flow(upstream(three).body, { ...options, sent: (piece) => heard.push(...piece) });
    expect([...(await new Response(readable).bytes())]).toEqual([0, 1, 2]);
    expect(heard).toEqual([0, 1, 2]);
    expect(await end).toBe("done");
  });

  test("is asked for no faster than the client reads", async () => {
    const { body, seen } = upstream(() => new Uint8Array(1_000));
    const reader = flow(body, options).readable.getReader();
    await reader.read();
    await scheduler.wait(20);
    expect(seen.asked).toBe(1);
  });

  test("ends when its client leaves", async () => {
    const { body, seen } = upstream(() => new Uint8Array(1));
    const { readable, end } = flow(body, options);
    const reader = readable.getReader();
    await reader.read();
    await reader.cancel();
    expect(await end).toBe("client_gone");
    expect(seen.cancelled).toBe(true);
  });

  test("ends when the runtime knows that its client has left", async () => {
    const client = new AbortController();
    const { body, seen } = upstream((turn) => (turn < 1 ? new Uint8Array(1) : "silence"));
    const { readable, end } = flow(body, { ...options, signal: client.signal });
    const reader = readable.getReader();
    await reader.read();
    void reader.read().catch(() => {});
    client.abort();
    expect(await end).toBe("client_gone");
    expect(seen.asked).toBeGreaterThan(0);
  });

  test.each([["break", "upstream_error", 10_000], ["silence", "idle", 20]] as const)("is broken for the client when the upstream's %s is", async (fault, how, idleMs) => {
    const { readable, end } = flow(upstream((turn) => (turn < 1 ? new Uint8Array(1) : fault)).body, { ...options, idleMs });
    await expect(new Response(readable).bytes()).rejects.toThrow();
    expect(await end).toBe(how);
  });
});
