/** Clients of other systems, unmodified, over a socket: InsForge's SDK. */
import { createClient } from "@insforge/sdk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Gateway } from "./gateway.ts";

let gateway: Gateway;
let ai: ReturnType<typeof createClient>["ai"];

beforeAll(async () => {
  gateway = await Gateway.start();
  const { key } = await gateway.client();
  ai = createClient({ baseUrl: gateway.url, anonKey: key }).ai;
  gateway.mock.onMessage("capital", { content: "Paris, naturally." });
  gateway.mock.onEmbedding(/a text/, { embedding: [0.25, -0.5] });
  gateway.mock.onMessage("weather", { toolCalls: [{ id: "call_1", name: "weather", arguments: '{"city":"Paris"}' }] });
});
afterAll(() => gateway?.stop());

const model = "openai/gpt-4o-mini";
const messages = [{ role: "user" as const, content: "What is the capital of France?" }];

describe("InsForge's SDK", () => {
  test("chats", async () => {
    const answer = await ai.chat.completions.create({ model, messages, temperature: 0.2, maxTokens: 100 });
    expect(answer.choices[0].message.content).toBe("Paris, naturally.");
    expect(answer.usage).toMatchObject({ promptTokens: expect.any(Number) as number, totalTokens: expect.any(Number) as number });
  });

  test("streams", async () => {
    let text = "";
    for await (const chunk of await ai.chat.completions.create({ model, messages, stream: true })) text += chunk.choices[0]?.delta?.content ?? "";
    expect(text).toBe("Paris, naturally.");
  });

  test("gets tool calls whole and streamed", async () => {
    const asked = { model, messages: [{ role: "user" as const, content: "How is the weather?" }], tools: [{ type: "function" as const, function: { name: "weather", parameters: { type: "object" } } }] };
    const whole = await ai.chat.completions.create(asked);
    expect(whole.choices[0].message.tool_calls[0].function).toEqual({ name: "weather", arguments: '{"city":"Paris"}' });
    const streamed: unknown[] = [];
    for await (const chunk of await ai.chat.completions.create({ ...asked, stream: true })) streamed.push(...(chunk.choices[0]?.delta?.tool_calls ?? []));
    expect(streamed).toEqual([expect.objectContaining({ function: { name: "weather", arguments: '{"city":"Paris"}' } })]);
  });

  test("embeds", async () => {
    const { data } = await ai.embeddings.create({ model: "openai/text-embedding-3-small", input: "a text" });
    expect(data[0].embedding).toEqual([0.25, -0.5]);
  });

  test("hears a refusal as its own error", async () => {
    await expect(ai.chat.completions.create({ model: "no-such-model", messages })).rejects.toMatchObject({ error: "AI_INVALID_MODEL", statusCode: 404 });
    const stranger = createClient({ baseUrl: gateway.url, anonKey: "anon_nobody" }).ai;
    await expect(stranger.chat.completions.create({ model, messages })).rejects.toMatchObject({ statusCode: 401 });
  });
});
