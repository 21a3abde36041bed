import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { advance, endedAtMs, isBatchId, isOver, newBatchId, requestIdOf, runs, windowMs, type Batch, type Event } from "../../src/batches/batch.ts";
import { readLine } from "../../src/batches/input-line.ts";
import { linesOf } from "../../src/batches/lines.ts";
import { claimed, firstPace, holds, isLapsed, lapsed, leaseMs, left, newPart, pauseMs, renewed, slower, toSend, type Part } from "../../src/batches/part.ts";
import { requestLines } from "../../src/batches/request-lines.ts";

const fresh: Batch = {
  id: newBatchId("file", 1_000), organisationId: "org", keyId: "key", shape: "file", endpoint: "/v1/embeddings", inputFileId: "file-1", origin: "https://forge.example",
  headers: [], metadata: null, outputLivesMs: 1, files: { output: "file-o", errors: "file-e" }, status: "validating", total: 0, createdAtMs: 1_000, expiresAtMs: 1_000 + windowMs,
};

const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ is: fc.constant("planned" as const), total: fc.integer({ min: 1, max: 9 }), model: fc.constant(undefined), native: fc.boolean() }),
  fc.record({ is: fc.constant("refused" as const), errors: fc.constant([]) }),
  fc.constantFrom<Event>({ is: "cancel" }, { is: "exhausted" }, { is: "late" }, { is: "written", output: true, errors: false }),
);

/** Which state may follow which. */
const next: Readonly<Record<string, readonly string[]>> = {
  validating: ["in_progress", "failed", "cancelling", "finalizing"], in_progress: ["finalizing", "cancelling"], finalizing: ["completed", "expired"],
  cancelling: ["cancelled"], failed: [], completed: [], expired: [], cancelled: [],
};

describe("the states of a batch", () => {
  test("whatever comes, in whichever order and however often, it only goes forward, and what is over stays", () => {
    fc.assert(fc.property(fc.array(fc.tuple(event, fc.integer({ min: 0, max: 2 * windowMs })), { maxLength: 12 }), (events) => {
      let batch = fresh;
      for (const [one, afterMs] of events) {
        const after = advance(batch, one, batch.createdAtMs + afterMs);
        if (after.status !== batch.status) expect(next[batch.status]).toContain(after.status);
        if (isOver(batch)) expect(after).toBe(batch);
        if (batch.ending) expect(after.ending).toBe(batch.ending);
        expect(isOver(after)).toBe(endedAtMs(after) !== undefined);
        if (runs(after)) expect(after.status).toBe("in_progress");
        if (after !== batch) expect(advance(after, one, batch.createdAtMs + afterMs)).toEqual(after);
        batch = after;
      }
    }));
  });

  test("ids grow with time, and their requests' ids are theirs alone", () => {
    const [one, other] = [newBatchId("file", 5_000), newBatchId("messages", 6_000)];
    expect(isBatchId(one, "file") && isBatchId(other, "messages") && !isBatchId(one, "messages")).toBe(true);
    expect(newBatchId("file", 5_000) < newBatchId("file", 6_000)).toBe(true);
    const ids = [one, other].flatMap((id) => [1, 2, 100_000].flatMap((line) => [1, 2, 4_095].map((lease) => requestIdOf(id, line, lease))));
    expect(new Set(ids).size).toBe(18);
    for (const id of ids) expect(id).toMatch(/^req_[0-9a-f]{32}$/);
  });
});

describe("leases", () => {
  test("a part is one's at a time, and each lease has a name of its own", () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.constantFrom("claim", "renew", "leave", "wait", "lapse"), fc.integer({ min: 0, max: leaseMs * 2 })), { maxLength: 40 }), (steps) => {
      let part: Part = newPart(1, { start: 0, end: 9, first: 1, lines: 3 });
      let now = 0;
      const names = new Set<number>();
      for (const [what, afterMs] of steps) {
        now += afterMs;
        if (what === "claim") {
          const got = claimed(part, now);
          expect(got === undefined).toBe(part.leasedUntilMs !== undefined || now < part.notBeforeMs);
          if (!got) continue;
          expect(names.has(got.lease)).toBe(false);
          names.add(got.lease);
          expect(holds(got, got.lease)).toBe(true);
          expect(holds(got, got.lease - 1)).toBe(false);
          part = got;
        } else if (what === "renew" && holds(part, part.lease)) part = renewed(part, now);
        else if (what === "leave" && holds(part, part.lease)) part = left(part, undefined, now);
        else if (what === "wait" && holds(part, part.lease)) part = left(part, 10, now);
        else if (what === "lapse" && isLapsed(part, now)) part = lapsed(part);
      }
    }));
  });

  test("pauses grow to a minute, and last as long as was asked for", () => {
    expect([0, 1, 5, 6, 99].map((waits) => pauseMs(waits, 0))).toEqual([1_000, 2_000, 32_000, 60_000, 60_000]);
    expect(pauseMs(0, 90_000)).toBe(90_000);
  });

  test("no more parts are under way than the pace allows, and none while the key's own limit lasts", () => {
    const parts = Array.from({ length: 20 }, (_, i) => newPart(i + 1, { start: 0, end: 1, first: 1, lines: 1 }));
    expect(toSend(parts, firstPace, new Set(), 0)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(toSend(parts, firstPace, new Set([1, 2, 30, 31, 32, 33]), 0)).toEqual([3, 4]);
    const slow = slower(firstPace, 500);
    expect(toSend(parts, slow, new Set(), 499)).toEqual([]);
    expect(toSend(parts, slow, new Set(), 500)).toHaveLength(4);
  });
});

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}
const all = async <T>(source: AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = [];
  for await (const one of source) found.push(one);
  return found;
};

describe("lines", () => {
  test("are the same however they come", async () => {
    const text = "\ufeff{\"a\":1}\n\n  \r\n{\"ü\":\"\ud83d\ude00\"}\r\nlast";
    for (let size = 1; size < 40; size += 1) {
      const lines = await all(linesOf(inPieces(utf8(text), size), 100));
      expect(lines.map((line) => [line.number, line.text?.trim()])).toEqual([[1, "{\"a\":1}"], [4, "{\"ü\":\"\ud83d\ude00\"}"], [5, "last"]]);
      for (const { start, end, text: one } of lines) expect(new TextDecoder().decode(utf8(text).subarray(start, end))).toBe(one);
    }
  });

  test("of a long one nothing is held, and what follows is read", async () => {
    const long = (async function* () {
      yield utf8("first\n");
      for (let i = 0; i < 300; i += 1) yield new Uint8Array(100_000).fill(97);
      yield utf8("\nlast");
    })();
    expect((await all(linesOf(long, 1_000))).map(({ number, tooLong, text, start, end }) => [number, tooLong, text, end - start])).toEqual([[1, false, "first", 5], [2, true, null, 3e7], [3, false, "last", 4]]);
  });

  test.each([
    ["nonsense", "{", "invalid_json_line", null], ["no object", "[1]", "invalid_json_line", null], ["too deep", "[".repeat(200), "invalid_json_line", null],
    ["a field twice", '{"custom_id":"a","custom_id":"b"}', "invalid_json_line", null],
    ["no id", "{}", "missing_required_parameter", "custom_id"], ["an empty id", '{"custom_id":""}', "invalid_custom_id", "custom_id"],
    ["half a character", '{"custom_id":"\\ud83d"}', "invalid_custom_id", "custom_id"],
    ["no method", '{"custom_id":"a"}', "missing_required_parameter", "method"], ["another method", '{"custom_id":"a","method":"GET"}', "invalid_method", "method"],
    ["no url", '{"custom_id":"a","method":"POST"}', "missing_required_parameter", "url"], ["another url", '{"custom_id":"a","method":"POST","url":"/v1/x"}', "url_mismatch", "url"],
    ["no body", '{"custom_id":"a","method":"POST","url":"/v1/embeddings"}', "missing_required_parameter", "body"],
    ["no model", '{"custom_id":"a","method":"POST","url":"/v1/embeddings","body":{}}', "missing_required_parameter", "body.model"],
    ["a model that is none", '{"custom_id":"a","method":"POST","url":"/v1/embeddings","body":{"model":1}}', "invalid_type", "body.model"],
  ])("%s is told by OpenAI's code", (_, text, code, param) => {
    expect(readLine(text, "file", "/v1/embeddings")).toEqual({ fault: { code, param, message: expect.stringMatching(/\S/) } });
  });

  test("may leave the model of moderations to us", () => {
    expect(readLine('{"body":{"input":"x"},"custom_id":"a","url":"/v1/moderations","method":"POST"}', "file", "/v1/moderations")).toMatchObject({ model: "", body: '{"input":"x"}' });
  });

  test("keep a request's own bytes", () => {
    expect(readLine('{"body": {"model":"m", "seed":12345678901234567890 },"custom_id":"a","url":"/v1/embeddings","method":"POST"}', "file", "/v1/embeddings"))
      .toEqual({ customId: "a", model: "m", body: '{"model":"m", "seed":12345678901234567890 }', stream: false });
  });
});

describe("the requests of a message batch", () => {
  const lines = async (text: string, size = 7): Promise<string> => {
    let output = "";
    for await (const bytes of requestLines(inPieces(utf8(text), size), () => {})) output += new TextDecoder().decode(bytes);
    return output;
  };
  const request = (id: string, text = "hi"): object => ({ custom_id: id, params: { model: "m", messages: [{ role: "user", content: text }] } });

  test("are walked over one by one, whatever stands in them and however they come", async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.string({ unit: "grapheme" }), { minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 30 }), fc.constantFrom(undefined, 1, "\t"), async (texts, size, space) => {
      const requests = texts.map((text, i) => request(`r${i}`, `${text}"]},\\`));
      expect((await lines(JSON.stringify({ service: [1, { requests: [] }], requests, more: "]" }, null, space), size)).trimEnd().split("\n").map((one) => JSON.parse(one))).toEqual(requests);
    }), { numRuns: 40 });
  });

  test.each([
    ["", "invalid_json"], ["[]", "invalid_json"], ["{}", "invalid_request"], ['{"requests":[]}', "invalid_request"], ['{"requests":{}}', "invalid_request"],
    ['{"requests":[{}', "invalid_json"], ['{"requests":[1 2]}', "invalid_request"], ['{"requests":[,]}', "invalid_request"],
    [JSON.stringify({ requests: [request("a"), request("a")] }), "invalid_request"], [JSON.stringify({ requests: [request("a b")] }), "invalid_request"],
    [`${JSON.stringify({ requests: [request("a")] })} x`, "invalid_json"], [`{"requests":[${JSON.stringify(request("a"))},]}`, "invalid_request"],
    [`{"requests":[${JSON.stringify(request("a"))}],"requests":[]}`, "invalid_request"], [`{"requests" [${JSON.stringify(request("a"))}]}`, "invalid_json"],
    [`{"x":"${"y".repeat(70_000)}"}`, "invalid_request"], [`{"requests":["${"y".repeat(21 * 1024 * 1024)}"]}`, "request_too_large"],
  ])("%#: what is none is refused", async (text, code) => {
    await expect(lines(text, 100_000)).rejects.toMatchObject({ code });
  });
});
