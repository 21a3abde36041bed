/** A stream that begins with what is no JSON is no answer. */
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { beginningSoundly } from "../../src/pipeline/beginning.ts";
import { openaiChat } from "../../src/protocols/index.ts";
import { admin, call, chatBody, eventStream, fillCatalog, newKey, outside, type Key } from "../security/stage.ts";

const word = 'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n';
const whole = `${word}data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`;
const half = 'data: {"id":"chatcmpl-1","choi\n\n';

let key: Key;
beforeAll(async () => {
  outside();
  await fillCatalog();
  key = await newKey();
  await admin("PUT", "/aliases/both", { targets: ["openai/gpt-test", "groq/gpt-test"] });
  vi.restoreAllMocks();
});
afterEach(() => void vi.restoreAllMocks());

const stream = async (model: string): Promise<string> => (await call(key.secret, "POST", "/v1/chat/completions", { ...chatBody, model, stream: true, stream_options: { include_usage: true } })).text();

describe("a stream that begins with half an event", () => {
  test.each([half, `: ping\n\ndata: \n\n${half}`, "data: busy\n\n", `${half}${whole}`])("%j: another deployment answers, and nothing of the first is told", async (beginning) => {
    outside(({ host }) => eventStream(host === "api.openai.com" ? beginning : whole));
    expect(await stream("both")).toBe(whole);
  });

  test("is told as an error of the protocol where nobody else can answer, and nothing of it is passed on", async () => {
    outside(() => eventStream(half + whole));
    const text = await stream("openai/gpt-test");
    expect(text).toContain('"error"');
    expect(text).not.toContain('"choi');
    expect(text).not.toContain('"hi"');
    for (const [, data] of text.matchAll(/^data: (\{.*)$/gm)) expect(() => JSON.parse(data!) as unknown).not.toThrow();
  });
});

test.each([whole, `: ping\n\n${whole}`, "data: [DONE]\n\n", `data: 7\n\n${whole}`])("%j passes as it is", (text) => {
  const observer = beginningSoundly(openaiChat.watch(false), () => "instead");
  expect(observer.push(text)).toBe(text);
  expect(observer.seen.error).toBeUndefined();
});

test("what comes later is not judged", () => {
  const observer = beginningSoundly(openaiChat.watch(false), () => "instead");
  expect([observer.push(word), observer.push(half)]).toEqual([word, half]);
});
