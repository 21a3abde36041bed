/** Whatever stands anywhere in a request is said to a provider of another protocol, or is among the losses. */
import { describe, expect, test } from "vitest";
import type { ChatRequest } from "../../src/chat/index.ts";
import { conversations } from "../../src/protocols/conversations.ts";
import { anthropicMessages, gemini, openaiChat, openaiResponses } from "../../src/protocols/index.ts";
import { examples } from "./examples.ts";

const clients: Record<string, (body: unknown) => ChatRequest> = {
  "openai-chat": openaiChat.conversation!.parseRequest, "anthropic-messages": anthropicMessages.conversation!.parseRequest,
  "openai-responses": openaiResponses.conversation!.parseRequest, "gemini-generate": gemini("m", "generateContent", false)!.conversation!.parseRequest,
};
const canary = "xCanary";

/** The places of all objects in a value. */
const placesIn = (value: unknown, path = ""): string[] => {
  if (Array.isArray(value)) return value.flatMap((one, index) => placesIn(one, `${path}[${index}]`));
  if (typeof value !== "object" || value === null) return [];
  return [path, ...Object.entries(value).flatMap(([key, one]) => placesIn(one, path === "" ? key : `${path}.${key}`))];
};

/** The same value with a field of nobody's in the object at a place. */
function marked(body: object, place: string): object {
  const copy = structuredClone(body);
  const keys = place.match(/[^.[\]]+/g) ?? [];
  const at = keys.reduce<Record<string, unknown>>((one, key) => one[key] as Record<string, unknown>, copy as Record<string, unknown>);
  at[canary] = "tweet";
  return copy;
}

/** What a provider of a protocol gets of a request, and what is declared lost. */
function crossed(client: string, to: string, body: unknown): { told: string; losses: readonly string[] } {
  const request = clients[client]!(body);
  const dialect = { developerRole: true, reasoning: "effort", jsonSchema: true } as const;
  const rendered = conversations.get(to)!.renderRequest(request, { upstreamId: "model-1", origin: { protocol: to, provider: "here" }, dialect, maxOutputTokens: 64_000 });
  return { told: JSON.stringify(rendered.body), losses: [...rendered.losses, ...(request.unread ?? [])] };
}

describe.each(Object.keys(examples))("a field of nobody's in a request of %s", (client) => {
  const { body, lostAs } = examples[client]!;

  test.each([...conversations.keys()].filter((to) => to !== client))("is said or lost to %s, wherever it stands", (to) => {
    const usual = new Set(crossed(client, to, body).losses);
    const silent = placesIn(body).filter((place) => {
      const { told, losses } = crossed(client, to, marked(body, place));
      const isDeclared = losses.some((loss) => loss.startsWith("field:") && !usual.has(loss));
      return !told.includes(canary) && !isDeclared && !lostAs.some(([path, names]) => path.test(place) && names.some((name) => losses.includes(name)));
    });
    expect(silent).toEqual([]);
  });

  test("is the only one: what is read is no loss", () => {
    expect(clients[client]!(body).unread).toBeUndefined();
  });
});

test("a loss says where the field stands", () => {
  const message = (more: object): object => ({ model: "m", messages: [{ role: "user", content: [{ type: "text", text: "Hi", ...more }] }] });
  const lost = (more: object) => clients["openai-chat"]!(message(more)).unread;
  expect(lost({ weight: 2 })).toEqual(["field:messages.content.weight"]);
  expect(lost({ "a, b\n": 2 })).toEqual(["field:messages.content.a??b?"]);
  expect(lost({ ["w".repeat(200)]: 2 })).toEqual([`field:messages.content.${"w".repeat(64)}`]);
  expect(lost(Object.fromEntries(Array.from({ length: 99 }, (_, index) => [`w${index}`, 1])))).toHaveLength(16);
});

test("what clients give back of answers, and what is empty, is no loss", () => {
  const given: Record<string, unknown> = {
    "openai-chat": { model: "m", messages: [{ role: "assistant", content: "Hi", refusal: null, annotations: [], audio: null, parsed: { a: 1 }, tool_calls: [{ id: "call_1", index: 0, type: "function", function: { name: "f", arguments: "{}", parsed_arguments: { a: 1 } } }], function_call: null, provider_specific_fields: {} }] },
    "anthropic-messages": { model: "m", max_tokens: 9, messages: [{ role: "assistant", content: [{ type: "text", text: "Hi", citations: null }, { type: "tool_use", id: "toolu_1", name: "f", input: {}, caller: { type: "direct" } }] }] },
    "openai-responses": {
      model: "m", input: [
        { type: "reasoning", id: "rs_1", summary: [], encrypted_content: null, status: null },
        { type: "message", id: "msg_1", status: "completed", role: "assistant", content: [{ type: "output_text", text: "Hi", annotations: [], logprobs: [{ token: "Hi", logprob: -1 }], parsed: null }] },
        { type: "function_call", id: "fc_1", call_id: "call_1", name: "f", arguments: "{}", status: "completed", parsed_arguments: { a: 1 } },
      ],
    },
    "gemini-generate": { contents: [{ role: "model", parts: [{ text: "Hi", thought: false, videoMetadata: null }] }] },
  };
  for (const [client, body] of Object.entries(given)) expect(clients[client]!(body).unread, client).toBeUndefined();
});
