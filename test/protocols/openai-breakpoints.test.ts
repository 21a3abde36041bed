/** Breakpoints of the prompt cache between OpenAI's words and Anthropic's. */
import { expect, test } from "vitest";
import { conversations } from "../../src/protocols/conversations.ts";
import { anthropicMessages, openaiChat, openaiResponses } from "../../src/protocols/index.ts";
import { openai } from "../../src/providers/openai.ts";

const explicit = { prompt_cache_breakpoint: { mode: "explicit" } };
const told = (to: string, request: ReturnType<NonNullable<typeof openaiChat.conversation>["parseRequest"]>, upstreamId = "gpt-5.6") => {
  const { body, losses } = conversations.get(to)!.renderRequest(request, { upstreamId, origin: { protocol: to, provider: "here" }, dialect: openai.dialect!, maxOutputTokens: 9_000 });
  return { text: JSON.stringify(body), losses };
};
const chat = openaiChat.conversation!.parseRequest({ model: "m", messages: [{ role: "user", content: [{ type: "text", text: "Long.", ...explicit }, { type: "text", text: "Hi" }] }] });
const responses = openaiResponses.conversation!.parseRequest({ model: "m", input: [{ role: "user", content: [{ type: "input_image", image_url: "https://a.example/cat.png", ...explicit }, { type: "input_text", text: "Hi" }] }] });
const claude = (ttl?: string) => anthropicMessages.conversation!.parseRequest({ model: "m", max_tokens: 100, messages: [{ role: "user", content: [{ type: "text", text: "Long.", cache_control: { type: "ephemeral", ttl } }] }] });

test("OpenAI's are Anthropic's of five minutes", () => {
  expect(told("anthropic-messages", chat).text).toContain('{"type":"text","text":"Long.","cache_control":{"type":"ephemeral"}}');
  expect(told("anthropic-messages", responses)).toEqual({ text: expect.stringContaining('"cache_control":{"type":"ephemeral"}') as unknown, losses: [] });
});

test("chat completions' are Responses', and the other way round", () => {
  expect(told("openai-responses", chat)).toEqual({ text: expect.stringContaining('{"type":"input_text","text":"Long.","prompt_cache_breakpoint":{"mode":"explicit"}}') as unknown, losses: [] });
  expect(told("openai-chat", responses)).toEqual({ text: expect.stringContaining('"prompt_cache_breakpoint":{"mode":"explicit"}') as unknown, losses: [] });
});

test.each([["gpt-5.6", true], ["gpt-5.6-mini", true], ["gpt-5.10", true], ["gpt-6", true], ["gpt-5.5", false], ["gpt-5", false], ["gpt-4.1", false], ["gpt-35-turbo", false], ["o3", false]])("%s takes those of Claude's clients: %s", (model, takes) => {
  for (const to of ["openai-chat", "openai-responses"]) {
    const { text, losses } = told(to, claude(), model);
    expect([text.includes("prompt_cache_breakpoint"), losses]).toEqual([takes, takes ? [] : ["cache_breakpoint"]]);
  }
});

test("that one shall last for an hour is lost, where it stands is not", () => {
  for (const to of ["openai-chat", "openai-responses"]) expect(told(to, claude("1h"))).toEqual({ text: expect.stringContaining("prompt_cache_breakpoint") as unknown, losses: ["cache_breakpoint"] });
});
