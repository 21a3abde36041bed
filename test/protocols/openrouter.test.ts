/** What OpenRouter's dialect does beyond OpenAI's: its SDKs over sockets are in test/conformance/openrouter.test.ts. */
import { describe, expect, test } from "vitest";
import type { ChatRequest, ReasoningPart } from "../../src/chat/index.ts";
import { GatewayError } from "../../src/errors.ts";
import { openrouterChat, renderOpenrouterError } from "../../src/protocols/index.ts";

type Json = Record<string, unknown>;
const half = openrouterChat.conversation!;
const read = (body: Json): ChatRequest => half.parseRequest({ model: "m", messages: [{ role: "user", content: "hi" }], ...body });
const context = { request: read({}), requestId: "req_abc", nowS: 7, provider: "Anthropic", own: false };
const place = { at: 0, choice: 0 };

const blocks: Record<string, ReasoningPart> = {
  "signed": { type: "reasoning", texts: ["Let me think. It is four."], signature: "sig+/=", origin: { protocol: "anthropic-messages", provider: "anthropic" } },
  "redacted": { type: "reasoning", texts: [], encrypted: "EncRypted==", origin: { protocol: "anthropic-messages", provider: "anthropic" } },
  "a summary of several paragraphs": { type: "reasoning", texts: ["One.", "Two."], summarised: true, encrypted: "gAAA", id: "rs_1", origin: { protocol: "openai-responses", provider: "openai" } },
  "plain": { type: "reasoning", texts: ["Only words."], origin: { protocol: "openai-chat", provider: "deepseek" } },
};

/** The details of a stream in which a block is thought in pieces, then said. */
function streamed(part: ReasoningPart): Json[] {
  const renderer = half.renderStream(context);
  const pieces = part.texts.flatMap((text, paragraph) => text.split(/(?<= )/).map((piece) => ({ type: "reasoning-delta" as const, text: piece, paragraph, ...place })));
  const events = [
    { type: "start" as const }, { type: "reasoning-start" as const, origin: part.origin, ...(part.id && { id: part.id }), ...(part.summarised && { summarised: true as const }), ...place }, ...pieces,
    { type: "reasoning-end" as const, ...(part.signature && { signature: part.signature }), ...(part.encrypted && { encrypted: part.encrypted }), ...place },
    { type: "text-start" as const, at: 1, choice: 0 }, { type: "text-delta" as const, text: "4", at: 1, choice: 0 }, { type: "text-end" as const, at: 1, choice: 0 }, { type: "finish" as const, choice: 0, finish: { unified: "stop" as const } },
  ];
  const frames = (events.map((event) => renderer.push(event as never)).join("") + renderer.end()).split("\n\n").filter((frame) => frame.startsWith("data: {"));
  return frames.flatMap((frame) => ((JSON.parse(frame.slice(6)) as { choices: { delta: { reasoning_details?: Json[] } }[] }).choices[0]?.delta.reasoning_details ?? []));
}

/** As the AI SDK's provider joins them: texts behind each other are one. */
function joined(details: readonly Json[]): Json[] {
  const all: Json[] = [];
  for (const detail of details) {
    const last = all.at(-1);
    const field = detail.type === "reasoning.text" ? "text" : detail.type === "reasoning.summary" ? "summary" : undefined;
    if (!field || last?.type !== detail.type) all.push({ ...detail });
    else Object.assign(last!, { [field]: `${String(last![field] ?? "")}${String(detail[field] ?? "")}`, signature: last!.signature ?? detail.signature });
  }
  return all;
}

describe.each(Object.entries(blocks))("thoughts: %s", (_, part) => {
  const back = (details: readonly Json[]): unknown => {
    const [, turn] = read({ messages: [{ role: "user", content: "2+2" }, { role: "assistant", content: "4", reasoning_details: details }, { role: "user", content: "again" }] }).turns;
    return turn!.parts;
  };
  // What is only text comes back as this protocol's own.
  const whole = part.signature ?? part.encrypted ? part : { ...part, origin: { protocol: "openai-chat" } };

  test("whole, and given back", () => {
    const { body } = half.renderResponse({ choices: [{ parts: [part, { type: "text", text: "4" }], finish: { unified: "stop", raw: "end_turn" } }] }, context);
    const { message, ...choice } = (JSON.parse(body) as { choices: { message: Json; native_finish_reason: string }[] }).choices[0]!;
    expect(choice.native_finish_reason).toBe("end_turn");
    expect(message.reasoning).toBe(part.texts.length > 0 ? part.texts.join("\n\n") : null);
    expect(back(message.reasoning_details as Json[])).toEqual([whole, { type: "text", text: "4" }]);
  });
  test("streamed in pieces, and given back as they came or joined", () => {
    const details = streamed(part);
    expect(details.every(({ format, index }) => typeof format === "string" && index === 0)).toBe(true);
    for (const given of [details, joined(details)]) expect(back(given)).toEqual([whole, { type: "text", text: "4" }]);
  });
});

test("an error's code is its status, and what the provider said is there", () => {
  expect(JSON.parse(renderOpenrouterError(new GatewayError("upstream_refused", "OpenAI: no", { provider: { name: "OpenAI", raw: "{}" } }, 422)))).toEqual({
    error: { code: 422, message: "OpenAI: no", metadata: { error_type: "unprocessable", code: "upstream_refused", provider_name: "OpenAI", raw: "{}" } },
  });
});

test.each([[{ plugins: {} }, "plugins"], [{ plugins: [{}] }, "plugins[0].id"], [{ plugins: [{ id: "web", include_domains: "x" }] }, "plugins.include_domains"], [{ plugins: Array.from({ length: 21 }, () => ({ id: "web" })) }, "plugins"]])(
  "%j is refused by name", (body, param) => {
    for (const act of [() => openrouterChat.parse({ model: "m", messages: [{ role: "user", content: "x" }], ...body }), () => read(body)]) expect(act).toThrow(expect.objectContaining({ code: "invalid_request", detail: { param } }) as Error);
  },
);
