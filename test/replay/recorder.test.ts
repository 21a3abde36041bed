/** The leader's side against an object that the test plays. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { follow, opening, Recorder, Tail } from "../../src/replay/index.ts";
import { leaseMs } from "../../src/replay/idempotent-call.do.ts";
import { noBytes, pieceBytes, type Call, type Page, type Portion, type Taken } from "../../src/replay/page.ts";
import { bytes, head, text } from "./stage.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] }));
afterEach(() => void vi.useRealTimers());

/** Keeps what it is sent, and answers as told. */
function played(answer: (portion: Portion, nth: number) => Taken | Promise<Taken> = () => ({ is: "taken", followed: false })) {
  const portions: Portion[] = [];
  const call = { write: async (portion: Portion) => answer(portion, portions.push(portion)) } as unknown as Call;
  return { portions, recorder: new Recorder(call, "req_1"), said: () => portions.map((portion) => text(portion.bytes)) };
}

const turn = (ms = 0): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

describe("the recorder", () => {
  test("sends a stream's head at once, gathers what follows, and ends with the rest", async () => {
    const { recorder, portions, said } = played();
    recorder.begin(head);
    await turn();
    for (const word of ["a", "b", "c"]) await recorder.push(bytes(word));
    await turn();
    for (const word of ["d", "e"]) await recorder.push(bytes(word));
    await turn(900);
    expect(said()).toEqual(["", "abc"]);
    await turn(200);
    expect(said()).toEqual(["", "abc", "de"]);
    await recorder.push(bytes("f"));
    await recorder.finish("kept");
    expect(said()).toEqual(["", "abc", "de", "f"]);
    expect(portions.map(({ from, standing }) => [from, standing])).toEqual([[0, "running"], [0, "running"], [3, "running"], [5, "kept"]]);
    expect(portions.map((portion) => portion.head)).toEqual([head, undefined, undefined, undefined]);
  });

  test("gathers for a moment only where somebody reads along", async () => {
    const { recorder, said } = played(() => ({ is: "taken", followed: true }));
    recorder.begin(head);
    for (const word of ["a", "b", "c"]) {
      await recorder.push(bytes(word));
      await turn(60);
    }
    expect(said()).toEqual(["a", "b", "c"]);
  });

  test("makes far fewer calls than a request may, however long the stream", async () => {
    const began = Date.now();
    const { recorder, portions } = played(() => ({ is: "taken", followed: true }));
    recorder.begin(head);
    const sent: number[] = [];
    for (const minute of [0, 1, 5, 20]) {
      vi.setSystemTime(began + minute * 60_000);
      const before = portions.length;
      for (let i = 0; i < 100; i += 1) {
        await recorder.push(bytes("x"));
        await turn(20);
      }
      sent.push(portions.length - before);
    }
    await recorder.finish("kept");
    expect(sent.map((count, i) => count <= [41, 8, 3, 3][i]! && count >= 1)).toEqual([true, true, true, true]);
    expect(portions.reduce((sum, portion) => sum + portion.bytes.length, 0)).toBe(400);
  });

  test("gives a whole answer with its head in one portion", async () => {
    const { recorder, portions } = played();
    void recorder.push(bytes("whole"));
    await recorder.finish("kept", head);
    expect(portions).toEqual([{ run: "req_1", from: 0, bytes: bytes("whole"), head, standing: "kept" }]);
  });

  test("cuts what is long into pieces, and its head comes last", async () => {
    const { recorder, portions } = played();
    const whole = new Uint8Array(3 * pieceBytes + 7).map((_, i) => i % 251);
    void recorder.push(whole);
    await recorder.finish("kept", head);
    expect(portions.map(({ from, bytes: { length, buffer }, standing }) => [from, length, buffer.byteLength, standing])).toEqual(
      [[0, pieceBytes, pieceBytes, "running"], [pieceBytes, pieceBytes, pieceBytes, "running"], [2 * pieceBytes, pieceBytes, pieceBytes, "running"], [3 * pieceBytes, 7, 7, "kept"]],
    );
    expect(portions.map((portion) => portion.head !== undefined)).toEqual([false, false, false, true]);
    expect(portions.every((portion) => portion.bytes.every((byte, i) => byte === (portion.from + i) % 251))).toBe(true);
  });

  test("gives a sign of life while nothing comes", async () => {
    const { recorder, portions } = played();
    await turn(leaseMs);
    expect(portions.length).toBeGreaterThanOrEqual(2);
    expect(portions.every((portion) => portion.bytes.length === 0 && portion.standing === "running")).toBe(true);
    await recorder.finish("refused", head);
  });

  test("holds the run up only while the object is far behind", async () => {
    const gate = Promise.withResolvers<Taken>();
    const { recorder } = played(() => gate.promise);
    for (let i = 0; i < 4; i += 1) await recorder.push(new Uint8Array(pieceBytes));
    let through = false;
    const held = recorder.push(new Uint8Array(2 * pieceBytes)).then(() => (through = true));
    await turn(10);
    expect(through).toBe(false);
    gate.resolve({ is: "taken", followed: false });
    await turn(10);
    await held;
    expect(through).toBe(true);
  });

  test("says that an answer of more than 48 MiB is lost", async () => {
    const { recorder, portions } = played();
    for (let i = 0; i < 49; i += 1) {
      void recorder.push(new Uint8Array(pieceBytes));
      await turn(1);
    }
    await recorder.finish("kept");
    expect(portions.at(-1)!.standing).toBe("lost");
    expect(portions.reduce((sum, portion) => sum + portion.bytes.length, 0)).toBe(48 * pieceBytes);
  });

  test("tries again where the object fails, with the same portion, and goes on without it in the end", async () => {
    const failing = played((_, nth) => (nth < 3 ? Promise.reject(new Error("reset")) : { is: "taken", followed: false }));
    failing.recorder.begin(head);
    void failing.recorder.push(bytes("text"));
    await vi.waitFor(() => expect(failing.said()).toEqual(["text", "text", "text"]), 3_000);
    const broken = played(() => Promise.reject(Object.assign(new Error("overloaded"), { overloaded: true })));
    for (let i = 0; i < 10; i += 1) await broken.recorder.push(new Uint8Array(pieceBytes));
    await broken.recorder.finish("kept");
    expect(broken.portions).toHaveLength(1);
  });
});

describe("the leader's own client", () => {
  const read = (tail: Tail, rest = "") => tail.pieces(async function* (from) {
    yield bytes(rest.slice(from));
  });

  test("gets every piece as it comes", async () => {
    const tail = new Tail();
    const pieces = read(tail);
    tail.push(bytes("a"));
    expect(text((await pieces.next()).value as Uint8Array)).toBe("a");
    const next = pieces.next();
    tail.push(bytes("b"));
    tail.close();
    expect(text((await next).value as Uint8Array)).toBe("b");
    expect((await pieces.next()).done).toBe(true);
  });

  test("is served from the object once it has fallen behind, from the byte where it is", async () => {
    const tail = new Tail();
    const whole = "0123456789".repeat(200_000);
    const pieces = read(tail, whole);
    let got = "";
    for (let at = 0; at < whole.length; at += 100_000) {
      tail.push(bytes(whole.slice(at, at + 100_000)));
      if (at === 200_000) got += text((await pieces.next()).value as Uint8Array);
    }
    tail.close();
    for await (const piece of pieces) got += text(piece);
    expect(got === whole).toBe(true);
  });

  test("that has left costs no memory", async () => {
    const tail = new Tail();
    const pieces = read(tail);
    tail.push(bytes("a"));
    await pieces.next();
    await pieces.return();
    for (let i = 0; i < 100; i += 1) tail.push(new Uint8Array(10_000));
    expect((tail as unknown as { queue: unknown[] }).queue).toEqual([]);
  });
});

describe("a reader", () => {
  const pages = (...list: (Page | Error)[]): Call => ({ read: async () => {
    const page = list.shift()!;
    if (page instanceof Error) throw page;
    return page;
  } }) as unknown as Call;
  const words = (): Uint8Array => bytes("[lost]");
  const all = async (pieces: AsyncGenerator<Uint8Array, void>): Promise<string> => (await Array.fromAsync(pieces)).map(text).join("");

  test("waits for the head, and reads on to the end", async () => {
    const call = pages({ bytes: noBytes, standing: "running" }, { head, bytes: bytes("a"), standing: "running" }, { bytes: noBytes, standing: "running" }, { bytes: bytes("b"), standing: "kept" });
    const first = await opening(call, "req_1");
    expect(first.head).toEqual(head);
    expect(await all(follow(call, { run: "req_1", from: 0, first }, words))).toBe("ab");
  });

  test("is told where the answer is lost", async () => {
    expect(await all(follow(pages({ bytes: bytes("a"), standing: "lost" }), { run: "req_1", from: 0 }, words))).toBe("a[lost]");
    const away = Object.assign(new Error("overloaded"), { overloaded: true });
    expect(await all(follow(pages({ bytes: bytes("a"), standing: "running" }, away), { run: "req_1", from: 0 }, words))).toBe("a[lost]");
    await expect(opening(pages(away), "req_1")).rejects.toThrow("overloaded");
  });
});
