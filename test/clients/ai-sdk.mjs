/** Vercel's AI SDK on Forge, by each of the providers that it can come through. */
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, embedMany, generateText, jsonSchema, Output, isStepCount, streamText, tool } from "ai";
import { joined, key, play, same, url } from "./check.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false;
const options = { baseURL: `${url}/v1`, apiKey: key };
const compatible = createOpenAICompatible({ name: "forge", includeUsage: true, ...options });
const openai = createOpenAI(options);
const models = { compatible: compatible("auto"), "openai, chat": openai.chat("auto"), "openai, responses": openai.responses("gpt-5"), anthropic: createAnthropic(options)("claude-sonnet-4-6"), "anthropic, a model of OpenAI's": createAnthropic(options)("gpt-4o-mini") };
const maxRetries = 0;

const each = (check) => Object.fromEntries(Object.entries(models).map(([name, model]) => [`${name}: ${check.name}`, () => check(model)]));

async function whole(model) {
  const { text, usage } = await generateText({ model, maxRetries, prompt: "What is Forge?" });
  same([text, usage.inputTokens, usage.outputTokens], ["A gateway.", 11, 7]);
}

async function streamed(model) {
  const result = streamText({ model, maxRetries, prompt: "Explain machine learning", onError: () => {} });
  same(await joined(result.textStream, (text) => text), "First it learns.\n\nThen it knows.\n\nAt last it forgets.");
  same((await result.usage).outputTokens, 7);
}

async function stepByStep(model) {
  const asked = [];
  const tools = { get_weather: tool({ description: "The weather in a city", inputSchema: jsonSchema({ type: "object", properties: { city: { type: "string" } }, required: ["city"] }), execute: ({ city }) => (asked.push(city), `Rain in ${city}.`) }) };
  const { text, steps } = await generateText({ model, maxRetries, tools, stopWhen: isStepCount(3), prompt: "What's the weather in Tokyo?" });
  same([text, asked, steps.length], ["It rains in Tokyo.", ["Tokyo"], 2]);
}

async function refused() {
  const stranger = createOpenAICompatible({ name: "forge", ...options, apiKey: "rrt-burst-nobody" })("auto");
  const error = await generateText({ model: stranger, maxRetries, prompt: "Hello" }).catch((thrown) => thrown);
  same([APICallError.isInstance(error), error.statusCode], [true, 401]);
}

await play("ai", {
  ...each(whole), ...each(streamed), ...each(stepByStep),
  "compatible: an object": async () => {
    const schema = jsonSchema({ type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false });
    const { output } = await generateText({ model: createOpenAICompatible({ name: "forge", supportsStructuredOutputs: true, ...options })("auto"), maxRetries, output: Output.object({ schema }), prompt: "Name a city as JSON." });
    same(output, { city: "Dhaka" });
  },
  "compatible: embeddings": async () => {
    const { embeddings } = await embedMany({ model: compatible.embeddingModel("embedding"), values: ["Forge is an AI gateway", "It supports sovereign mode"], maxRetries });
    same(embeddings, [[0.5, -0.25, 0.125, 1], [0.5, -0.25, 0.125, 1]]);
  },
  "compatible: refused": refused,
});
