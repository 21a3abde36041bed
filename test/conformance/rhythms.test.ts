/** Streams in random rhythms through the real Worker: whatever the upstream's pace, cuts and end, the client gets every byte once and an end, and the ledger one entry. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startLocal, type LocalGateway } from "../../scripts/local.ts";
import { createKey } from "../support/admin.ts";
import { wires, type ProtocolId } from "./rhythm-wires.ts";
import { ask, caseOf, complaints, expectedEntry, RhythmicUpstream, type Case, type Got } from "./rhythms.ts";
import { entryOf } from "../support/entry.ts";

const upstream = new RhythmicUpstream();
let gateway: LocalGateway;
let secret: string;

beforeAll(async () => {
  const base = await upstream.start();
  gateway = await startLocal({
    port: 0,
    vars: {
      ...createKey.secrets, ALLOW_PRIVATE_UPSTREAMS: "true", STREAM_IDLE_TIMEOUT_MS: "3000", STREAM_HEARTBEAT_MS: "60", OPENAI_BASE_URL: base, OPENAI_API_KEY: "key", ANTHROPIC_BASE_URL: base,
      ANTHROPIC_API_KEY: "key", GEMINI_BASE_URL: base, GEMINI_API_KEY: "key",
    },
  });
  secret = (await createKey(gateway.url, { limits: { requestsPerMinute: 100_000 } })).secret;
});

afterAll(async () => {
  await gateway?.stop();
  upstream.stop();
});

type Entry = { end: string; estimated: boolean; usage: { inputTokens: number; outputTokens: number } };

const found = ({ requestId }: Got): Promise<Entry> => entryOf(gateway.url, secret, requestId);

/** On this machine the runtime learns of a client's leaving with the next write, and there is none in this silence. */
const isUnheard = ({ ending, from, to, usage }: Case): boolean => ending === "hangs" && (to === "gemini-generate" || (from === to && (usage || from !== "openai-chat")));

/** Plays a case and says what is wrong with it. */
async function run(played: Case): Promise<{ wrong: string[]; got: Got; entry: Entry | undefined }> {
  upstream.cases.set(played.id, played);
  const got = await ask(gateway.url, secret, played);
  const call = upstream.calls.get(played.id)!;
  const wrong = complaints(played, got);
  if (got.left !== undefined && !isUnheard(played) && !(await call.over(1_000))) wrong.push("the upstream was not hung up on");
  const entry = await found(got).catch(() => undefined);
  if (!entry) wrong.push("nothing settled");
  upstream.cases.delete(played.id);
  return { wrong, got, entry };
}

/** A case that says `said`, which may stop short of what the answer would be. */
function caseBy({ from, to = from, texts, args = [], said = (bytes) => [bytes], ...rest }: Partial<Case> & { from: ProtocolId; texts: string[]; args?: string[]; said?: (bytes: Buffer) => Buffer[] }): Case {
  const answer = { texts, args };
  const bytes = Buffer.from(wires[from].tell(answer).join(""));
  const pieces = said(bytes).map((piece, i) => ({ piece, pauseMs: i === 0 ? 0 : 30 }));
  return { id: `case-${1_000_000 + upstream.calls.size}`, from, to, usage: true, answer, bytes, pieces, framed: true, ending: "whole", paceMs: 0, leavesAfter: Infinity, ...rest };
}

test("forty streams in random rhythms", async () => {
  const seeds = Array.from({ length: 40 }, (_, i) => 7_000 + i);
  const wrong: string[] = [];
  await Promise.all(Array.from({ length: 12 }, async () => {
    for (let seed = seeds.pop(); seed !== undefined; seed = seeds.pop()) {
      const played = caseOf(seed);
      const { wrong: found, got, entry } = await run(played).catch((error: unknown) => ({ wrong: [String(error)], got: undefined, entry: undefined }));
      if (got && entry && got.left === undefined) expect.soft(entry, `seed ${seed}`).toMatchObject(expectedEntry(played));
      wrong.push(...found.map((what) => `seed ${seed}: ${what.slice(0, 500)}`));
    }
  }));
  expect(wrong).toEqual([]);
  const usage = await (await fetch(`${gateway.url}/dashboard/usage`, { headers: { authorization: `Bearer ${secret}` } })).json() as { totals: { requests: number } };
  expect(usage.totals.requests).toBe(40);
}, 60_000);

describe("an upstream piped by the runtime", () => {
  /** Cuts behind the event that says `text`: from there on it is piped. */
  const pipedFrom = (bytes: Buffer, text: string): number => bytes.indexOf("\n\n", bytes.indexOf(text)) + 2;

  test("that closes in the middle of a frame, or of a character, is followed by an error of its own", async () => {
    for (const from of ["openai-chat", "anthropic-messages", "openai-responses", "gemini-generate"] as const) {
      const played = caseBy({ from, texts: ["so far", "東京"], ending: "stops", said: (bytes) => [bytes.subarray(0, pipedFrom(bytes, "so far")), bytes.subarray(pipedFrom(bytes, "so far"), bytes.indexOf("東京") + 1)] });
      const { wrong, entry } = await run(played);
      expect([wrong, entry?.end]).toEqual([[], "unterminated"]);
    }
  });

  test("that floods and breaks is no client that left, however far the reading is behind", async () => {
    const texts = ["so far", ...Array.from({ length: 150_000 }, () => "more")];
    const played = caseBy({ from: "openai-responses", texts, ending: "cut", said: (bytes) => [bytes.subarray(0, pipedFrom(bytes, "so far")), bytes.subarray(pipedFrom(bytes, "so far"), bytes.lastIndexOf('"more"') + 3)] });
    const { wrong, entry } = await run(played);
    expect([wrong, entry?.end]).toEqual([[], "upstream_error"]);
  });
});

test("an event of 8 MiB is not held up where JavaScript passes it on", async () => {
  for (const shape of [{ usage: false }, { to: "anthropic-messages" }] as const) {
    const { wrong, got } = await run(caseBy({ from: "openai-chat", texts: ["x".repeat(8 << 20)], ...shape }));
    expect(wrong).toEqual([]);
    expect(got.ms).toBeLessThan(1_500);
  }
});

test("a client that leaves while the upstream is silent in the middle of a frame is noticed", async () => {
  for (const to of ["openai-chat", "anthropic-messages"] as const) {
    const played = caseBy({ from: "openai-chat", to, usage: false, texts: ["so far", "never whole"], ending: "hangs", leavesAfter: 100, said: (bytes) => [bytes.subarray(0, bytes.indexOf("never"))] });
    const { wrong, entry } = await run(played);
    expect([wrong, entry?.end]).toEqual([[], "client_gone"]);
  }
});
