import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { newBatchId } from "../../src/batches/batch.ts";
import { inline } from "../../src/batches/native-inline.ts";
import { clocksDifferMs, type Asked } from "../../src/batches/native-kind.ts";
import { providerOf } from "../../src/providers/index.ts";
import { ProviderCalls } from "../../src/upstream/provider-batches.ts";
import { AnthropicBatches, errored, messageOf, succeeded, usage } from "./anthropic.ts";

const path = "/v1/messages";
const mark = newBatchId("messages", 1_000);
const askedAtMs = Date.parse("2026-01-02T03:04:05Z");
const askMs = 900_000;
const asked: Asked = { mark, path, lines: 2, askedAtMs, askMs, others: [] };
const ours = (i: number): string => `${mark}-${i + 1}`;

function stage(): { there: AnthropicBatches; calls: ProviderCalls } {
  const there = new AnthropicBatches();
  const dial = (url: string, { method, body }: RequestInit): Promise<Response> => {
    const { status, type, text } = there.play(method!, url.replace(`https://api.anthropic.com${path}/batches`, ""), body as string);
    return Promise.resolve(new Response(text, { status, headers: { "content-type": type } }));
  };
  return { there, calls: new ProviderCalls({ provider: providerOf("anthropic")!, baseUrl: "https://api.anthropic.com", secret: "key", dial }) };
}

const read = ({ calls }: AnthropicBatches): string[] => calls.flatMap((call) => /^GET \/(\w+)\/results$/.exec(call)?.[1] ?? []);

describe("a batch of which it is not known whether it was made", () => {
  test("is told from others of its size by its answers, over pages; none of another size or time is looked into", async () => {
    const { there, calls } = stage();
    there.pageMost = 2;
    there.ended = () => true;
    const far = clocksDifferMs + 1;
    const [, before, same, one, , other] = [there.add(askedAtMs - far - 1, 2), there.add(askedAtMs - far, 2), there.add(askedAtMs, 2), there.add(askedAtMs + 1, 2, ours), there.add(askedAtMs + 2, 3), there.add(askedAtMs + 3, 2), there.add(askedAtMs + askMs + far, 2)];
    expect(await inline.find(calls, asked)).toEqual({ is: "ours", id: one!.id });
    expect(read(there)).toEqual([other!.id, one!.id]);
    there.deleted.push(one!.id);
    expect(await inline.find(calls, asked)).toEqual({ is: "none", others: [other!.id, same!.id] });
    expect(read(there)).not.toContain(before!.id);
    expect(there.calls.filter((call) => call.startsWith("GET ?")).at(-1)).toMatch(/^GET \?limit=1000&after_id=msgbatch_\d+$/);
  });

  test("is not known while one of its size and time has not ended, or cannot be read; what was another's is not read again", async () => {
    const { there, calls } = stage();
    const [first, second] = [there.add(askedAtMs, 2), there.add(askedAtMs + 1, 2)];
    expect(await inline.find(calls, asked)).toEqual({ is: "unclear", others: [] });
    there.ended = ({ id }) => id === first.id;
    const then = await inline.find(calls, asked);
    expect(then).toEqual({ is: "unclear", others: [first.id] });
    there.ended = () => true;
    const play = there.play.bind(there);
    there.play = (method, at, body) => (at.endsWith("/results") ? { status: 500, type: "", text: "" } : play(method, at, body));
    expect(await inline.find(calls, { ...asked, others: [first.id] })).toEqual({ is: "unclear", others: [first.id] });
    there.play = play;
    expect(await inline.find(calls, { ...asked, others: [first.id] })).toEqual({ is: "none", others: [first.id, second.id] });
    expect(read(there)).toEqual([first.id, second.id]);
  });

  test("whoever else makes batches: it is found once it has ended, and is never said not to be there while it may be", async () => {
    const batch = fc.record({ afterMs: fc.integer({ min: -2 * clocksDifferMs, max: askMs + 2 * clocksDifferMs }), size: fc.integer({ min: 1, max: 3 }), ended: fc.boolean() });
    await fc.assert(fc.asyncProperty(fc.array(batch, { maxLength: 12 }), fc.option(batch), fc.integer({ min: 1, max: 4 }), async (others, own, pageMost) => {
      const { there, calls } = stage();
      const ended = new Set<string>();
      there.pageMost = pageMost;
      there.ended = ({ id }) => ended.has(id);
      for (const one of others) if (there.add(askedAtMs + one.afterMs, one.size) && one.ended) ended.add(there.made.at(-1)!.id);
      const mine = own && there.add(askedAtMs + Math.max(-clocksDifferMs, Math.min(askMs, own.afterMs)), 2, ours);
      if (mine && own.ended) ended.add(mine.id);
      const found = await inline.find(calls, asked);
      if (mine && own.ended) expect(found).toEqual({ is: "ours", id: mine.id });
      else if (mine) expect(found.is).toBe("unclear");
      else expect(found.is).not.toBe("ours");
    }), { numRuns: 60 });
  });
});

describe("an answer of it", () => {
  const answer = (result: object | string, id = ours(6)): unknown => inline.answer(mark, `{"custom_id":"${id}","result":${typeof result === "string" ? result : JSON.stringify(result)}}`);

  test("is the message as it came, big numbers too, at the batch's price", () => {
    const message = JSON.stringify(messageOf("hi", { ...usage, service_tier: "standard" })).replace('"hi"', '"hi", "n": 12345678901234567890123');
    expect(answer(`{"type":"succeeded","message":${message}}`)).toEqual({ line: 7, status: 200, body: message.replace('"standard"', '"batch"') });
  });

  test("is an error where another time would be none the better, and else none", () => {
    const refused = errored("invalid_request_error");
    expect(answer(refused)).toEqual({ line: 7, status: 400, requestId: "req_up", body: JSON.stringify((refused as { error: object }).error) });
    for (const none of [errored("overloaded_error"), errored("api_error"), errored("rate_limit_error"), errored("authentication_error"), { type: "expired" }, { type: "canceled" }]) expect(answer(none)).toBeUndefined();
  });

  test.each(["7", `${mark}7`, `${mark}-x`, `${newBatchId("messages", 1_000)}-7`, "their-1"])("of another's line is none: %s", (id) => expect(answer(succeeded(), id)).toBeUndefined());
});

test("its custom ids are such as Anthropic takes", () => {
  for (const shape of ["file", "messages"] as const) expect((JSON.parse(inline.line(newBatchId(shape, Date.now()), 100_000, { path, body: "{}" })!) as { custom_id: string }).custom_id).toMatch(/^[a-zA-Z0-9_-]{1,64}$/);
});
