/** Two halves of one answer told as one: no character twice, none lost, whatever the client speaks and wherever it broke. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { collect, noUsage, type ChatEvent } from "../../src/chat/index.ts";
import { GatewayError } from "../../src/errors.ts";
import { firm, Seam } from "../../src/pipeline/seam.ts";
import { Spliced } from "../../src/pipeline/spliced.ts";
import { conversations } from "../../src/protocols/conversations.ts";
import { anthropicMessages, gemini, openaiChat, openaiResponses } from "../../src/protocols/index.ts";
import type { ClientHalf, StreamParser, StreamRenderer } from "../../src/protocols/protocol.ts";
import { dataOf, eventOf, splitFrames } from "../../src/protocols/sse.ts";
import { passOn } from "../../src/upstream/index.ts";
import { bodyOf, type Step } from "../upstream/drive.ts";

const clients: Record<string, ClientHalf> = {
  "openai-chat": openaiChat.conversation!, "openai-responses": openaiResponses.conversation!, "anthropic-messages": anthropicMessages.conversation!,
  "gemini-generate": gemini("m", "streamGenerateContent", true)!.conversation!,
};
const request = openaiChat.conversation!.parseRequest({ model: "m", messages: [{ role: "user", content: "x" }], stream: true, stream_options: { include_usage: true } });
const rendererOf = (client: string): StreamRenderer => clients[client]!.renderStream({ request, requestId: "req_1", nowS: 1 });
const parserOf = (protocol: string): StreamParser => conversations.get(protocol)!.parseStream({ origin: { protocol, provider: "p" }, idSeed: "seed" });

/** A parser that finds canonical events in its frames. */
const plain = (): StreamParser => ({ push: ({ data }) => JSON.parse(data) as ChatEvent[], end: () => [] });
const frame = (...events: ChatEvent[]): string => `data: ${JSON.stringify(events)}\n\n`;
const at = (place: number) => ({ at: place, choice: 0 });
const say = (text: string, place = 0): ChatEvent => ({ type: "text-delta", text, ...at(place) });
const opened: ChatEvent[] = [{ type: "start", id: "a" }, { type: "text-start", ...at(0) }];
const stopped: ChatEvent[] = [{ type: "finish", choice: 0, finish: { unified: "stop" } }, { type: "usage", usage: { ...noUsage, inputTokens: 7, outputTokens: 5 } }, { type: "end" }];
const ended: ChatEvent[] = [{ type: "text-end", ...at(0) }, ...stopped];
const used = { ...noUsage, inputTokens: 3, outputTokens: 2 };
const broke = new GatewayError("upstream_error", "it broke off");

/** What a client that speaks this makes of what it was sent. */
function heard(client: string, text: string): { text: string; failed: boolean; usage: unknown; types: string[] } {
  const parser = parserOf(client);
  const events = splitFrames(text).flatMap((one) => {
    const data = dataOf(one);
    return data === undefined ? [] : parser.push({ event: eventOf(one), data });
  });
  const { choices, error, usage } = collect([...events, ...parser.end()]);
  const parts = choices[0]?.parts ?? [];
  return { text: parts.map((part) => (part.type === "text" ? part.text : "")).join(""), failed: error !== undefined, usage, types: parts.map(({ type }) => type) };
}

/** The pieces of a text, cut at these places: in the middle of characters too. */
const cutAt = (text: string, cuts: readonly number[]): string[] => {
  const places = [...new Set([0, ...cuts.map((cut) => cut % (text.length + 1)), text.length])].sort((a, b) => a - b);
  return places.slice(1).map((to, i) => text.slice(places[i], to));
};

const letters = fc.oneof(fc.constantFrom(" ", "\n", "\t", "\u00a0", "\u0085", "\u2028", "🗼", "👩‍👩‍👧", "é", "\\", "\"", "a", "b", "東"), fc.string({ unit: "binary", maxLength: 3 }));
const texts = fc.array(letters, { minLength: 1, maxLength: 12 }).map((all) => all.join(""));
const cuts = fc.array(fc.nat(60), { maxLength: 6 });

describe("any text, broken anywhere", () => {
  test.each(Object.keys(clients))("is whole to %s", (client) => {
    fc.assert(fc.property(texts, fc.nat(60), cuts, cuts, fc.boolean(), fc.boolean(), (truth, cut, before, after, closes, echo) => {
      const told = truth.slice(0, cut % (truth.length + 1));
      const spliced = new Spliced(plain(), rendererOf(client));
      let sent = spliced.push(frame(...opened));
      for (const piece of cutAt(told, before)) sent += spliced.push(frame(say(piece)));
      if (closes) sent += spliced.push(frame({ type: "text-end", ...at(0) }));
      expect(spliced.told()).toBe(firm(told) === "" ? undefined : told);
      if (firm(told) === "") return;
      const rest = (echo && firm(told).length >= 16 ? firm(told) : "") + truth.slice(firm(told).length);
      spliced.goOn(plain(), used, echo);
      sent += spliced.push(frame(...opened));
      for (const piece of cutAt(rest, after)) sent += spliced.push(frame(say(piece)));
      sent += spliced.push(frame(...ended)) + spliced.close();
      const { text, failed, types, usage } = heard(client, sent);
      expect([text, failed, types]).toEqual([truth, false, ["text"]]);
      expect(usage).toMatchObject({ inputTokens: 10, outputTokens: 7 });
    }), { numRuns: 120 });
  });

  test("goes on with anything: the first half stands, the second loses no more than the loose end both have", () => {
    fc.assert(fc.property(texts, texts, cuts, (told, next, pieces) => {
      const seam = new Seam(told, false);
      const said = cutAt(next, pieces).map((piece) => seam.push(piece)).join("") + seam.end();
      const loose = told.slice(firm(told).length);
      expect(next.endsWith(said)).toBe(true);
      const dropped = next.slice(0, next.length - said.length);
      expect([loose.startsWith(dropped), seam.dropped]).toEqual([true, dropped.length]);
      expect(next[dropped.length] === undefined || loose[dropped.length] !== next[dropped.length]).toBe(true);
    }));
  });
});

describe("an echo", () => {
  const told = "The quick brown fox ";
  const through = (echoes: boolean, ...pieces: string[]): string => {
    const seam = new Seam(told, echoes);
    return pieces.map((piece) => seam.push(piece)).join("") + seam.end();
  };

  test("is left out where the provider is known to make one, and only whole", () => {
    expect(through(true, "The quick", " brown fox jumps")).toBe("jumps");
    expect(through(true, "The quick brown cat")).toBe("The quick brown cat");
    expect(through(true, "jumps")).toBe("jumps");
    expect(through(true, "The quick")).toBe("The quick");
  });

  test("is what the model said where none is known", () => expect(through(false, "The quick brown fox jumps")).toBe("The quick brown fox jumps"));
});

/** What is told of a first half, and what is told when nobody goes on with it. */
function firstHalf(client: string, ...events: ChatEvent[]): { spliced: Spliced; sent: string } {
  const spliced = new Spliced(plain(), rendererOf(client));
  return { spliced, sent: spliced.push(frame(...events)) };
}

describe("where nobody else can go on", () => {
  const call: ChatEvent = { type: "tool-call-start", id: "call_1", name: "f", ...at(1) };
  const thinking: ChatEvent = { type: "reasoning-start", origin: { protocol: "p" }, ...at(0) };
  test.each<[string, ChatEvent[]]>([
    ["nothing was said", [{ type: "start" }]],
    ["a text has begun without a word", opened],
    ["there is only white space", [...opened, say(" \n")]],
    ["it thinks", [{ type: "start" }, thinking, { type: "reasoning-delta", text: "hm", paragraph: 0, ...at(0) }]],
    ["it has thought, and not spoken", [{ type: "start" }, thinking, { type: "reasoning-end", ...at(0) }]],
    ["it thinks again", [...opened, say("a"), { type: "text-end", ...at(0) }, { ...thinking, at: 1 }]],
    ["a call is open", [...opened, say("a"), { type: "text-end", ...at(0) }, call, { type: "tool-call-delta", input: '{"c', ...at(1) }]],
    ["a call was made", [...opened, say("a"), { type: "text-end", ...at(0) }, call, { type: "tool-call-end", ...at(1) }, { type: "text-start", ...at(2) }, say("b", 2)]],
    ["it refuses", [{ type: "start" }, { type: "text-start", refusal: true, ...at(0) }, say("no")]],
    ["there are two answers", [...opened, say("a"), { type: "text-start", at: 0, choice: 1 }, { type: "text-delta", text: "b", at: 0, choice: 1 }]],
    ["only a provider knows the part", [...opened, say("a"), { type: "text-end", ...at(0) }, { type: "part", part: { type: "opaque", protocol: "p", value: 1 }, ...at(1) }]],
    ["it is over", [...opened, say("a"), ...ended]],
  ])("%s", (_, events) => {
    for (const client of Object.keys(clients)) {
      const { spliced, sent } = firstHalf(client, ...events);
      expect(spliced.told()).toBeUndefined();
      const failed = sent + spliced.push(frame({ type: "error", error: { status: 503, message: "overloaded" } })) + spliced.fail(broke);
      if (!events.some(({ type }) => type === "end")) expect(heard(client, failed).failed).toBe(true);
    }
  });

  test("what the model itself thought before a text is no hindrance", () => {
    const { spliced } = firstHalf("openai-chat", { type: "start" }, thinking, { type: "reasoning-end", ...at(0) }, { type: "text-start", ...at(1) }, say("so", 1));
    expect(spliced.told()).toBe("so");
  });

  test("an error in the stream is told once, as what it was, when nobody goes on", () => {
    for (const client of Object.keys(clients)) {
      const { spliced, sent } = firstHalf(client, ...opened, say("a"));
      const kept = spliced.push(frame({ type: "error", error: { status: 529, message: "overloaded" } }));
      expect([kept, spliced.told(), spliced.close()]).toEqual(["", "a", ""]);
      const last = spliced.fail(broke);
      expect(last).toContain("overloaded");
      expect([heard(client, sent + last), spliced.fail(broke)]).toMatchObject([{ text: "a", failed: true }, ""]);
    }
  });

  test("an error about the request is told at once", () => {
    const { spliced } = firstHalf("openai-chat", ...opened, say("a"));
    expect(spliced.push(frame({ type: "error", error: { status: 400, message: "content filter" } }))).toContain("content filter");
    expect(spliced.told()).toBeUndefined();
  });
});

describe("a second half", () => {
  const going = (client: string, ...events: ChatEvent[]): { sent: string; spliced: Spliced } => {
    const { spliced, sent } = firstHalf(client, ...opened, say("Let me see. "));
    spliced.goOn(plain(), used, false);
    return { spliced, sent: sent + spliced.push(frame(...events)) + spliced.close() };
  };

  test.each(Object.keys(clients))("may make calls behind the text, or without one of its own: %s", (client) => {
    const call = (place: number): ChatEvent[] => [{ type: "tool-call-start", id: "call_1", name: "f", ...at(place) }, { type: "tool-call-delta", input: "{}", ...at(place) }, { type: "tool-call-end", ...at(place) }];
    const calls: ChatEvent[] = [{ type: "finish", choice: 0, finish: { unified: "tool-calls" } }, { type: "end" }];
    expect(heard(client, going(client, { type: "start" }, ...call(0), ...calls).sent)).toMatchObject({ text: "Let me see. ", types: ["text", "tool-call"], failed: false });
    expect(heard(client, going(client, ...opened, say(" So"), { type: "text-end", ...at(0) }, ...call(1), ...calls).sent)).toMatchObject({ text: "Let me see. So", types: ["text", "tool-call"], failed: false });
  });

  test.each(Object.keys(clients))("may have nothing to say: %s", (client) => {
    expect(heard(client, going(client, { type: "start" }, ...stopped).sent)).toMatchObject({ text: "Let me see. ", types: ["text"], failed: false });
  });

  test.each(Object.keys(clients))("that thinks first is no second half: %s", (client) => {
    const { sent, spliced } = going(client, { type: "start" }, { type: "reasoning-start", origin: { protocol: "p" }, ...at(0) });
    expect(heard(client, sent)).toMatchObject({ text: "Let me see. ", failed: true });
    expect(spliced.seen.error).toContain("anew");
  });

  test.each(Object.keys(clients))("that breaks off too is an error: %s", (client) => {
    const { sent, spliced } = going(client, ...opened, say(" So"));
    expect(spliced.told()).toBeUndefined();
    expect(heard(client, sent + spliced.fail(broke))).toMatchObject({ text: "Let me see. So", failed: true });
  });

  test("cites the characters of the whole", () => {
    const events: ChatEvent[] = [];
    const spliced = new Spliced(plain(), { push: (event) => (events.push(event), ""), end: () => "", fail: () => "" });
    spliced.push(frame(...opened, say("Let me see. ")));
    spliced.goOn(plain(), used, false);
    spliced.push(frame(...opened, say(" So it is"), { type: "text-citation", citation: { start: 1, end: 3, raw: { protocol: "p", value: 1 } }, ...at(0) }));
    expect(events.at(-1)).toMatchObject({ citation: { start: 12, end: 14 } });
  });
});

describe("on the wire", () => {
  const ends = { break: ["break"], silence: [{ waitMs: 400 }], close: [], "half a frame": ["data: [{\"ty", "break"], "an error": [frame({ type: "error", error: { status: 503, message: "x" } })] } as const satisfies Record<string, readonly Step[]>;

  test.each(Object.entries(ends))("after %s another body goes on, and its client hears comments meanwhile", async (name, ending) => {
    const spliced = new Spliced(plain(), rendererOf("anthropic-messages"));
    const first = bodyOf([frame(...opened, say("one ")), { waitMs: 5 }, ...ending]);
    const seen: string[] = [];
    const { readable, end } = passOn(first.body, false, {
      observer: spliced, heartbeatMs: 10, idleMs: name === "silence" ? 150 : 3_000, lastWords: () => spliced.fail(broke),
      async next(how) {
        seen.push(how, spliced.told()!);
        await scheduler.wait(40);
        spliced.goOn(plain(), used, false);
        return bodyOf([frame(...opened, say(" two")), { waitMs: 5 }, frame(...ended)]);
      },
    });
    const text = await new Response(readable).text();
    expect(await end).toBe("done");
    expect(seen).toEqual([{ break: "upstream_error", "half a frame": "upstream_error", silence: "idle", close: "done", "an error": "upstream_error" }[name], "one "]);
    expect(heard("anthropic-messages", text)).toMatchObject({ text: "one two", failed: false });
    expect(text.slice(text.indexOf("one "), text.indexOf("two"))).toContain(": ping\n\n");
  });

  test("nobody goes on for a client that has left, and who was being asked hears of it", async () => {
    const spliced = new Spliced(plain(), rendererOf("openai-chat"));
    let aborted: unknown;
    const { readable, end } = passOn(bodyOf([frame(...opened, say("one")), { waitMs: 5 }, "break"]).body, false, {
      observer: spliced, heartbeatMs: 5, idleMs: 500, lastWords: () => "", graceMs: () => 10_000,
      next: (_, signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve(void (aborted = signal.reason)))),
    });
    const reader = readable.getReader();
    await reader.read();
    await scheduler.wait(30);
    await reader.cancel();
    expect([await end, aborted]).toEqual(["client_gone", "client_gone"]);
  });

  test("silence of who is asked ends as silence does", async () => {
    const spliced = new Spliced(plain(), rendererOf("openai-chat"));
    const { readable, end } = passOn(bodyOf([frame(...opened, say("one")), { waitMs: 5 }, "break"]).body, false, {
      observer: spliced, heartbeatMs: 20, idleMs: 60, lastWords: () => spliced.fail(broke),
      next: (_, signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve(undefined))),
    });
    expect(heard("openai-chat", await new Response(readable).text())).toMatchObject({ text: "one", failed: true });
    expect(["upstream_error", "idle"]).toContain(await end);
  });
});
