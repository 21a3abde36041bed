/** A stream between an upstream and a client, by both ways: whatever happens, the client's stream ends well and the end is told once. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openaiChat } from "../../src/protocols/index.ts";
import { passOn } from "../../src/upstream/index.ts";
import { bodyOf, bytesOf, drive, lastWords, type Step } from "./drive.ts";

const chunk = (content: string, finish: string | null = null): string =>
  `data: ${JSON.stringify({ id: "c", choices: [{ index: 0, delta: { content }, finish_reason: finish }] })}\n\n`;
const usage = `data: {"id":"c","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n`;
const done = "data: [DONE]\n\n";
const whole = [chunk("Hé"), chunk("llo 🌍"), chunk("", "stop"), done];

/** The events of a stream as an SDK reads them. */
const events = (text: string): string[] => text.split("\n\n").filter((frame) => frame.startsWith("data: ")).map((frame) => frame.slice(6));

describe.each([["by JavaScript", false], ["by the runtime", true]])("%s", (_, native) => {
  test("a complete stream passes byte for byte", async () => {
    const { text, end, observer, cancelled } = await drive(whole, { native });
    expect(text).toBe(whole.join(""));
    expect(end).toBe("done");
    expect(observer.seen).toMatchObject({ terminated: true, error: undefined, outputCharacters: 8 });
    expect(cancelled).toBe(false);
  });

  test("an empty one is an answer that broke off", async () => {
    const { text, end } = await drive([], { native });
    expect(text).toBe(lastWords("done"));
    expect(end).toBe("done");
  });

  test("a client that leaves stops an upstream that talks fast", async () => {
    const endless: Step[] = Array.from({ length: 1_000 }, () => [chunk("more "), { waitMs: 1 }]).flat() as Step[];
    const { end, cancelled, observer } = await drive(endless, { native, leavesAfter: 200, settleMs: 80 });
    expect(end).toBe("client_gone");
    expect(cancelled).toBe(true);
    expect(observer.seen.terminated).toBe(false);
  });

  test("a client that leaves stops an upstream that talks slowly", async () => {
    const endless: Step[] = Array.from({ length: 60 }, () => [chunk("more "), { waitMs: 30 }]).flat() as Step[];
    const { end, cancelled } = await drive(endless, { native, leavesAfter: 200, settleMs: 80 });
    expect(end).toBe("client_gone");
    expect(cancelled).toBe(true);
  });

  test("a client that leaves at once does too", async () => {
    const endless: Step[] = Array.from({ length: 60 }, () => [chunk("more "), { waitMs: 30 }]).flat() as Step[];
    const { end, cancelled } = await drive(endless, { native, leavesAfter: 0, settleMs: 80 });
    expect(end).toBe("client_gone");
    expect(cancelled).toBe(true);
  });

  test("an upstream that breaks at a frame's border is followed by our last words and no [DONE]", async () => {
    const { text, end, observer } = await drive([chunk("so far"), { waitMs: 10 }, "break"], { native });
    expect(text.replace(/\n\n+/g, "\n\n")).toBe(chunk("so far") + lastWords("upstream_error"));
    expect(end).toBe("upstream_error");
    expect(observer.seen).toMatchObject({ terminated: false, outputCharacters: 6 });
  });

  test("an upstream that breaks in the middle of a frame is, too, in an event of their own", async () => {
    const { text, end } = await drive([chunk("so far"), { waitMs: 10 }, chunk("lost").slice(0, 30), { waitMs: 10 }, "break"], { native });
    expect(events(text).at(0)).toBe(events(chunk("so far"))[0]);
    expect(events(text).at(-1)).toBe(events(lastWords("upstream_error"))[0]);
    expect(text).not.toContain("[DONE]");
    expect(end).toBe("upstream_error");
  });

  test("an upstream that closes in the middle of a frame is followed by our last words in an event of their own", async () => {
    for (const half of [chunk("lost").slice(0, 30), "data:", `event: x\r\n${chunk("lost").slice(0, -3)}`]) {
      const { text, end } = await drive([chunk("so far"), { waitMs: 10 }, half], { native });
      expect(events(text).at(0)).toBe(events(chunk("so far"))[0]);
      expect(events(text).at(-1)).toBe(events(lastWords("done"))[0]);
      expect(end).toBe("done");
    }
  });

  test("an upstream that breaks before it said anything", async () => {
    const { text, end } = await drive([{ waitMs: 5 }, "break"], { native });
    expect(text).toBe(lastWords("upstream_error"));
    expect(end).toBe("upstream_error");
  });

  test("an upstream that just stops is followed by our last words", async () => {
    const { text, end, observer } = await drive([chunk("so far")], { native });
    expect(text).toBe(chunk("so far") + lastWords("done"));
    expect(end).toBe("done");
    expect(observer.seen.terminated).toBe(false);
  });

  test("an upstream that says its own error has the last word", async () => {
    const theirs = 'data: {"error":{"message":"overloaded"}}\n\n';
    const { text, observer } = await drive([chunk("so far"), theirs], { native });
    expect(text).toBe(chunk("so far") + theirs);
    expect(observer.seen.error).toBe("overloaded");
  });

  test("a last event without its blank line is read and kept", async () => {
    const { text, observer } = await drive([chunk("all"), done.trimEnd()], { native });
    expect(text.trimEnd()).toBe((chunk("all") + done).trimEnd());
    expect(observer.seen.terminated).toBe(true);
  });

  test("an upstream that goes silent is given up after the idle time", async () => {
    const { text, end, cancelled } = await drive([chunk("so far"), { waitMs: 200 }, done], { native, heartbeatMs: 10_000, idleMs: 60, settleMs: 200 });
    expect(text).toBe(chunk("so far") + lastWords("idle"));
    expect(end).toBe("idle");
    expect(cancelled).toBe(true);
  });

  test("an upstream that never says anything is answered with comments, then given up", async () => {
    const { text, end } = await drive([{ waitMs: 1_500 }], { native, heartbeatMs: 30, idleMs: 150 });
    expect(text).toMatch(/^(: ping\n\n){2,5}data: \{"error":\{"message":"idle"\}\}\n\n$/);
    expect(end).toBe("idle");
  });

  test("a client that does not read makes the upstream wait", async () => {
    const piece = chunk("x".repeat(16 * 1024));
    const steps = Array.from({ length: 512 }, () => piece);
    const { body, sent } = bodyOf(steps);
    const { readable, end } = passOn(body, native, { observer: openaiChat.watch(false), heartbeatMs: 60_000, idleMs: 120_000, lastWords });
    const reader = readable.getReader();
    await reader.read();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(sent()).toBeLessThan(2 * 1024 * 1024);
    while (!(await reader.read()).done);
    expect(await end).toBe("done");
    expect(sent()).toBe(512 * bytesOf(piece).length);
  });

  test("a slow client loses nothing", async () => {
    const steps = [...Array.from({ length: 20 }, (_, i) => chunk(`${i} `)), ...whole];
    expect((await drive(steps, { native, slowMs: 3 })).text).toBe(steps.join(""));
  });

  test("wherever the network cuts, the same bytes pass and the same is seen (property)", async () => {
    const text = `: hello\r\n\r\n${chunk("Hé 🌍\n")}event: x\nid: 7\n${chunk("a".repeat(300))}${usage}${done}`;
    const bytes = bytesOf(text);
    const unsplit = await drive([bytes], { native });
    expect(unsplit.text).toBe(text);
    await fc.assert(fc.asyncProperty(fc.array(fc.integer({ min: 1, max: bytes.length - 1 }), { maxLength: 12 }), async (cuts) => {
      const borders = [0, ...[...new Set(cuts)].sort((a, b) => a - b), bytes.length];
      const split = await drive(borders.slice(1).map((to, i) => bytes.subarray(borders[i], to)), { native });
      expect(split.text).toBe(text);
      expect(split.end).toBe("done");
      expect(split.observer.seen).toEqual(unsplit.observer.seen);
    }), { numRuns: 40 });
  });
});

describe("where something has to be taken out", () => {
  test("half an event at the end is dropped, so that a client reads our last words and not a syntax error", async () => {
    const { text } = await drive([chunk("so far"), 'data: {"id":"c","choi']);
    expect(text).toBe(chunk("so far") + lastWords("done"));
  });

  test("comments come only between frames, also when silence falls into one", async () => {
    const half = chunk("second");
    const { text } = await drive([chunk("first"), { waitMs: 120 }, half.slice(0, 20), { waitMs: 120 }, half.slice(20), done], { heartbeatMs: 30, idleMs: 5_000 });
    expect(text).toMatch(/^data: [^\n]*first[^\n]*\n\n(: ping\n\n)+data: [^\n]*second[^\n]*\n\ndata: \[DONE\]\n\n$/);
    expect(text.replaceAll(": ping\n\n", "")).toBe(chunk("first") + half + done);
  });

  test("our usage event goes, everything around it stays", async () => {
    const steps = [chunk("a"), ": comment\n\n", usage, done];
    const { text, observer } = await drive([steps.join("")], { observer: openaiChat.watch(true) });
    expect(text).toBe(chunk("a") + ": comment\n\n" + done);
    expect(observer.seen.usage).toMatchObject({ inputTokens: 3, outputTokens: 2 });
  });

  test("bytes that are not UTF-8 pass as they are", async () => {
    const odd = new Uint8Array([...bytesOf("data: {\"a\":\""), 0xff, 0xfe, ...bytesOf("\"}\n\n")]);
    const { bytes } = await drive([odd, done], { observer: openaiChat.watch(true) });
    expect([...bytes.subarray(0, odd.length)]).toEqual([...odd]);
  });

  test("a byte order mark passes as it is", async () => {
    expect((await drive([`\ufeff${whole.join("")}`], { observer: openaiChat.watch(true) })).text).toBe(`\ufeff${whole.join("")}`);
  });

  test("a large frame in small pieces takes time in proportion to its size", async () => {
    const time = async (size: number): Promise<number> => {
      const bytes = bytesOf(chunk("x".repeat(size)) + done);
      const steps = Array.from({ length: Math.ceil(bytes.length / 4096) }, (_, i) => bytes.subarray(i * 4096, (i + 1) * 4096));
      const { body } = bodyOf(steps);
      const { readable, end } = passOn(body, false, { observer: openaiChat.watch(true), heartbeatMs: 60_000, idleMs: 120_000, lastWords });
      const startedMs = performance.now();
      await Promise.all([new Response(readable).arrayBuffer(), end]);
      return performance.now() - startedMs;
    };
    expect(await time(8 * 1024 * 1024)).toBeLessThan(8_000);
  }, 10_000);
});
