import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { keptMs, leaseMs } from "../../src/replay/idempotent-call.do.ts";
import { pieceBytes, type Call } from "../../src/replay/page.ts";
import { bytes, head, newCall, noon, portion, text } from "./stage.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }).setSystemTime(noon));
afterEach(() => void vi.useRealTimers());

/** Everything of a run, as a reader gets it who comes now. */
async function all(call: Call, run: string): Promise<{ text: string; pages: number; standing: string }> {
  let said = "";
  for (let at = 0, pages = 1; ; pages += 1) {
    const page = await call.read({ run, from: at, headKnown: at > 0 });
    said += text(page.bytes);
    at += page.bytes.length;
    if (page.standing !== "running") return { text: said, pages, standing: page.standing };
  }
}

/** A run that is over, with its answer. */
async function kept(call: Call, said = "whole"): Promise<void> {
  await call.claim("print", "req_1");
  await call.write(portion("req_1", 0, said, { head, standing: "kept" }));
}

describe("who runs", () => {
  test("the first; another request is a conflict, the same one joins", async () => {
    const { call } = newCall();
    expect(await call.claim("print", "req_1")).toEqual({ is: "lead" });
    expect(await call.claim("print", "req_2")).toEqual({ is: "join", run: "req_1" });
    expect(await call.claim("other", "req_3")).toEqual({ is: "conflict" });
  });

  test("one of fifty", async () => {
    const { call } = newCall();
    const claims = await Promise.all(Array.from({ length: 50 }, (_, i) => call.claim("print", `req_${i}`)));
    expect(claims.filter(({ is }) => is === "lead")).toHaveLength(1);
    expect(claims.filter(({ is }) => is === "join")).toHaveLength(49);
  });

  test("a claim that is sent again still leads", async () => {
    const { call } = newCall();
    await call.claim("print", "req_1");
    expect(await call.claim("print", "req_1")).toEqual({ is: "lead" });
  });
});

describe("an answer", () => {
  test("comes in portions, each taken once", async () => {
    const { call } = newCall();
    await call.claim("print", "req_1");
    await call.write(portion("req_1", 0, "one ", { head }));
    for (let i = 0; i < 2; i += 1) expect(await call.write(portion("req_1", 4, "two "))).toMatchObject({ is: "taken" });
    for (let i = 0; i < 2; i += 1) expect(await call.write(portion("req_1", 8, "three", { standing: "kept" }))).toMatchObject({ is: "taken" });
    expect(await all(call, "req_1")).toEqual({ text: "one two three", pages: 1, standing: "kept" });
    expect(await call.write(portion("req_1", 13, "more"))).toEqual({ is: "gone" });
  });

  test("from any byte", async () => {
    const { call } = newCall();
    await call.claim("print", "req_1");
    await call.write(portion("req_1", 0, "0123", { head }));
    await call.write(portion("req_1", 4, "4567"));
    await call.write(portion("req_1", 8, "89", { standing: "kept" }));
    for (let from = 0; from <= 10; from += 1) expect(text((await call.read({ run: "req_1", from, headKnown: true })).bytes)).toBe("0123456789".slice(from));
  });

  test("with a hole is taken from nobody", async () => {
    const { call } = newCall();
    await call.claim("print", "req_1");
    expect(await call.write(portion("req_1", 7, "late"))).toEqual({ is: "gone" });
    expect(await call.write(portion("req_other", 0, "foreign"))).toEqual({ is: "gone" });
  });

  test("is read in pages where it is long", async () => {
    const { call } = newCall();
    await call.claim("print", "req_1");
    const piece = new Uint8Array(pieceBytes).fill(120);
    for (let i = 0; i < 5; i += 1) await call.write({ run: "req_1", from: i * pieceBytes, bytes: piece, standing: i === 4 ? "kept" : "running", ...(i === 4 && { head }) });
    const { text: said, pages } = await all(call, "req_1");
    expect([said.length, pages]).toEqual([5 * pieceBytes, 5]);
  });

  test("that is whole begins when its head is there", async () => {
    const { call } = newCall();
    await call.claim("print", "req_1");
    await call.write(portion("req_1", 0, "half "));
    expect(await call.read({ run: "req_1", from: 0, headKnown: false })).toEqual({ bytes: bytes(""), standing: "running" });
    await call.write(portion("req_1", 5, "and half", { head, standing: "kept" }));
    expect(await call.read({ run: "req_1", from: 0, headKnown: false })).toEqual({ head, bytes: bytes("half and half"), standing: "kept" });
  });

  test("wakes who waits for it", async () => {
    const { call } = newCall();
    await call.claim("print", "req_1");
    const waiting = call.read({ run: "req_1", from: 0, headKnown: false });
    const write = await call.write(portion("req_1", 0, "now", { head }));
    expect(await waiting).toMatchObject({ head, bytes: bytes("now") });
    expect(write).toEqual({ is: "taken", followed: true });
  });
});

describe("a refusal", () => {
  test("is told to those who had joined, and the name is free", async () => {
    const { call } = newCall();
    await call.claim("print", "req_1");
    await call.claim("print", "req_2");
    await call.write(portion("req_1", 0, "busy", { head: { ...head, status: 429 }, standing: "refused" }));
    expect(await call.claim("another", "req_3")).toEqual({ is: "lead" });
    expect(await call.read({ run: "req_1", from: 0, headKnown: false })).toEqual({ head: { ...head, status: 429 }, bytes: bytes("busy"), standing: "refused" });
    await call.write(portion("req_3", 0, "fine", { head, standing: "kept" }));
    expect(await all(call, "req_3")).toMatchObject({ text: "fine", standing: "kept" });
    expect(await call.claim("another", "req_4")).toEqual({ is: "join", run: "req_3" });
  });

  test("leaves nothing behind", async () => {
    const { stub, call } = newCall();
    await call.claim("print", "req_1");
    await call.write(portion("req_1", 0, "busy", { head, standing: "refused" }));
    expect(await runInDurableObject(stub, async (_, { storage }) => [[...storage.kv.list()], await storage.getAlarm()])).toEqual([[], null]);
  });

  test("of many in a row, claims and readers in between", async () => {
    const { call } = newCall();
    for (let i = 0; i < 20; i += 1) {
      expect(await call.claim("print", `req_${i}`)).toEqual({ is: "lead" });
      const [joined] = await Promise.all([call.claim("print", "req_x"), call.write(portion(`req_${i}`, 0, `no ${i}`, { head, standing: "refused" })), call.read({ run: `req_${i}`, from: 0, headKnown: false })]);
      if (joined.is === "join") expect(text((await call.read({ run: `req_${i}`, from: 0, headKnown: false })).bytes)).toBe(`no ${i}`);
      else await call.write(portion("req_x", 0, "", { standing: "refused" }));
    }
  });
});

describe("time", () => {
  test("after a day the alarm forgets everything", async () => {
    const { stub, call } = newCall();
    await kept(call);
    vi.setSystemTime(noon + keptMs - 1);
    expect(await call.claim("print", "req_2")).toEqual({ is: "join", run: "req_1" });
    expect(await runInDurableObject(stub, (_, { storage }) => storage.getAlarm())).toBe(noon + keptMs);
    vi.setSystemTime(noon + keptMs);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect(await runInDurableObject(stub, (_, { storage }) => [...storage.kv.list()])).toEqual([]);
    expect(await call.read({ run: "req_1", from: 0, headKnown: false })).toMatchObject({ standing: "lost" });
    expect(await call.claim("other", "req_3")).toEqual({ is: "lead" });
  });

  test("a run that still lives then is left alone", async () => {
    const { stub, call } = newCall();
    await call.claim("print", "req_1");
    vi.setSystemTime(noon + keptMs - 1);
    await call.write(portion("req_1", 0, "", {}));
    vi.setSystemTime(noon + keptMs);
    await runDurableObjectAlarm(stub);
    expect(await call.claim("print", "req_2")).toEqual({ is: "join", run: "req_1" });
    vi.setSystemTime(noon + keptMs + leaseMs);
    await runDurableObjectAlarm(stub);
    expect(await call.claim("print", "req_3")).toEqual({ is: "lead" });
  });

  test("a run that gives no sign of life is lost, and nobody runs in its place", async () => {
    const { call } = newCall();
    await call.claim("print", "req_1");
    await call.write(portion("req_1", 0, "so far", { head }));
    vi.setSystemTime(noon + leaseMs);
    expect(await call.read({ run: "req_1", from: 0, headKnown: true })).toMatchObject({ standing: "running" });
    vi.setSystemTime(noon + leaseMs + 1);
    expect(await all(call, "req_1")).toMatchObject({ text: "so far", standing: "lost" });
    expect(await call.claim("print", "req_2")).toEqual({ is: "join", run: "req_1" });
    expect(await call.write(portion("req_1", 6, " and more", { standing: "kept" }))).toEqual({ is: "gone" });
  });

  test("each portion renews the lease, an empty one too", async () => {
    const { call } = newCall();
    await call.claim("print", "req_1");
    for (let i = 1; i <= 5; i += 1) {
      vi.setSystemTime(noon + i * leaseMs);
      expect(await call.write(portion("req_1", 0, ""))).toMatchObject({ is: "taken" });
    }
    expect((await call.read({ run: "req_1", from: 0, headKnown: false })).standing).toBe("running");
  });
});

describe("evicted", () => {
  test("in the middle of a run: it goes on where it was", async () => {
    const { stub, call } = newCall();
    await call.claim("print", "req_1");
    await call.write(portion("req_1", 0, "before ", { head }));
    await evictDurableObject(stub);
    expect(await call.claim("print", "req_2")).toEqual({ is: "join", run: "req_1" });
    await call.write(portion("req_1", 0, "before "));
    await call.write(portion("req_1", 7, "after", { standing: "kept" }));
    await evictDurableObject(stub);
    expect(await all(call, "req_1")).toMatchObject({ text: "before after", standing: "kept" });
    expect(await call.claim("other", "req_3")).toEqual({ is: "conflict" });
  });

  test("with a run whose leader is dead: lost a lease later, and lost for good", async () => {
    const { stub, call } = newCall();
    await call.claim("print", "req_1");
    await evictDurableObject(stub);
    expect((await call.read({ run: "req_1", from: 0, headKnown: false })).standing).toBe("running");
    vi.setSystemTime(noon + leaseMs + 1);
    expect((await call.read({ run: "req_1", from: 0, headKnown: false })).standing).toBe("lost");
    await evictDurableObject(stub);
    expect((await call.read({ run: "req_1", from: 0, headKnown: false })).standing).toBe("lost");
  });
});

