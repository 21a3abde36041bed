/** Atlassian's own SDK for its language models. Its platform sends its calls through a proxy with a token; here the token is a key of ours. */
import { appKey, joined, play, same, url } from "./check.mjs";

globalThis.__forge_runtime__ = { tracing: { traceId: "trace", spanId: "span" } };
globalThis.__forge_fetch__ = (_, address, init) =>
  fetch(`${url}${globalThis.place}${String(address).slice("https://llm".length)}`, { ...init, headers: { ...init.headers, "forge-proxy-authorization": `Bearer ${appKey}` } });
const { default: llm } = await import("@forge/llm");

const says = (text) => [{ role: "system", content: [{ type: "text", text: "You are a helpful assistant." }] }, { role: "user", content: [{ type: "text", text }] }];
const textOf = ({ choices: [choice] }) => choice.message.content.map(({ text }) => text).join("");
const tools = [{ type: "function", function: { name: "get_current_weather", description: "The weather", parameters: { type: "object", properties: { location: { type: "string" } }, required: ["location"] } } }];
const models = ["gpt-4o-mini", "claude-sonnet-4-20250514"];

/** Under `/llm` arguments are objects, as the SDK types them; under `/forge/llm` they are text, as the REST reference prints them. */
const checks = (place) => Object.fromEntries(Object.entries({
  list: async () => same((await llm.list()).models.find(({ model }) => model === "gpt-4o-mini"), { model: "gpt-4o-mini", status: "active" }),
  chat: async () => {
    for (const model of models) {
      const told = await llm.chat({ model, messages: says("What is Forge?"), temperature: 0.7, max_completion_tokens: 1_000, top_p: 0.9 });
      same([textOf(told), told.choices[0].finish_reason, told.usage], ["A gateway.", "end_turn", { input_tokens: 11, output_tokens: 7, total_tokens: 18 }]);
    }
  },
  stream: async () => {
    for (const model of models) {
      const pieces = await Array.fromAsync(await llm.stream({ model, messages: says("Explain AI in Bangla") }));
      same([await joined(pieces, textOf), pieces.at(-1).choices[0].finish_reason, pieces.at(-1).usage.total_tokens], ["AI মানে কৃত্রিম বুদ্ধিমত্তা…", "end_turn", 18]);
    }
  },
  tools: async () => {
    for (const model of models) {
      const { message, finish_reason } = (await llm.chat({ model, messages: says("What is it like in Boston?"), tools, tool_choice: "auto" })).choices[0];
      const [call] = message.tool_calls;
      const input = { location: "Boston, MA", unit: "celsius" };
      same([finish_reason, call.function.name, call.function.arguments], ["tool_use", "get_current_weather", place === "/llm" ? input : JSON.stringify(input)]);
      const told = await llm.chat({ model, messages: [...says("What is it like in Boston?"), message, { role: "tool", tool_call_id: call.id, content: [{ type: "text", text: "-5" }] }], tools });
      same(textOf(told), "It is cold in Boston.");
    }
  },
  refused: async () => same(await llm.chat({ model: "no-such-model", messages: says("Hello") }).catch(({ code, status }) => ({ code, status })), { code: "FORGE_LLMS_MODEL_NOT_FOUND", status: 404 }),
}).map(([name, check]) => [`${place}: ${name}`, () => (globalThis.place = place, check())]));

await play("@forge/llm", { ...checks("/forge/llm"), ...checks("/llm") });
