/** Drives Forge with the official Node SDK, beside the same calls straight to the model's server. See findings.ts. */
import OpenAI, { APIError, AuthenticationError, BadRequestError, NotFoundError, RateLimitError } from "openai";
import type { Finding, Tokens } from "./findings.ts";

type Body = Omit<OpenAI.ChatCompletionCreateParamsNonStreaming, "model" | "stream">;

const { FORGE = "", FORGE_KEY = "", LIMITED_KEY = "", DIRECT = "", MODEL = "" } = process.env;
const hosted = `selfhosted/${MODEL}`;
const forge = new OpenAI({ baseURL: FORGE, apiKey: FORGE_KEY, maxRetries: 0 });
const direct = new OpenAI({ baseURL: DIRECT, apiKey: "none", maxRetries: 0 });
const tools: OpenAI.ChatCompletionTool[] = [{
  type: "function",
  function: { name: "get_weather", description: "Weather of a city", parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } },
}];

const say = (finding: Finding): void => console.log(JSON.stringify(finding));
const check = (name: string, ok: boolean, detail: unknown = ""): void => say({ check: name, ok, detail: typeof detail === "string" ? detail : JSON.stringify(detail) });
const user = (content: string | OpenAI.ChatCompletionContentPart[]): OpenAI.ChatCompletionUserMessageParam => ({ role: "user", content });
const tokens = (usage?: OpenAI.CompletionUsage | null): Tokens | null => (usage ? { inputTokens: usage.prompt_tokens, outputTokens: usage.completion_tokens } : null);

/** Leaves the model's cache in the same state before each call, so that equal calls compute equal numbers. */
const settleModel = () => direct.completions.create({ model: MODEL, prompt: "-", max_tokens: 1 });

async function ask(client: OpenAI, model: string, body: Body) {
  await settleModel();
  const began = performance.now();
  const { data, response } = await client.chat.completions.create({ temperature: 0, seed: 7, ...body, model }).withResponse();
  return { answer: data, headers: response.headers, seconds: (performance.now() - began) / 1000 };
}

async function compare(name: string, body: Body) {
  const expected = await ask(direct, MODEL, body);
  const { answer, headers, seconds } = await ask(forge, hosted, body);
  const [got, want] = [answer.choices[0]!, expected.answer.choices[0]!];
  say({
    call: name, id: headers.get("x-request-id") ?? "", prompt: JSON.stringify(body.messages.at(-1)!.content).slice(0, 80),
    answer: got.message.content ?? JSON.stringify(got.message.tool_calls), usage: tokens(answer.usage), seconds, directSeconds: expected.seconds,
  });
  const call = (choice: typeof got) => choice.message.tool_calls?.map((item) => item.type === "function" && item.function);
  check(`${name}: same answer as straight from the model`, got.message.content === want.message.content && JSON.stringify(call(got)) === JSON.stringify(call(want)));
  check(`${name}: same usage`, JSON.stringify(answer.usage) === JSON.stringify(expected.answer.usage), answer.usage);
  check(`${name}: same finish_reason`, got.finish_reason === want.finish_reason, got.finish_reason);
  return got.message;
}

async function collect(client: OpenAI, model: string, body: Body) {
  await settleModel();
  const began = performance.now();
  const { data, response } = await client.chat.completions.create({ temperature: 0, seed: 7, ...body, model, stream: true }).withResponse();
  const chunks: OpenAI.ChatCompletionChunk[] = [];
  let firstMs = 0;
  for await (const chunk of data) {
    firstMs ||= performance.now() - began;
    chunks.push(chunk);
  }
  return { chunks, firstMs, id: response.headers.get("x-request-id") ?? "", seconds: (performance.now() - began) / 1000 };
}

const text = (chunks: OpenAI.ChatCompletionChunk[]): string => chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
const toolArguments = (chunks: OpenAI.ChatCompletionChunk[]): string =>
  chunks.map((chunk) => chunk.choices[0]?.delta.tool_calls?.[0]?.function?.arguments ?? "").join("");

async function streams(): Promise<void> {
  const body: Body = { messages: [user("Name three animals that live in the sea.")], max_tokens: 48 };
  const whole = await ask(direct, MODEL, body);
  const plain = await collect(direct, MODEL, body);
  const { chunks, id, seconds } = await collect(forge, hosted, body);
  say({ call: "stream", id, prompt: String(body.messages[0]!.content), answer: text(chunks), usage: null, known: tokens(whole.answer.usage)!, seconds });
  check("stream: same text as the whole answer", text(chunks) === whole.answer.choices[0]!.message.content);
  check("stream: as many chunks as straight from the model", chunks.length === plain.chunks.length, `${chunks.length}`);
  check("stream: choices[0] exists in every chunk", chunks.every((chunk) => chunk.choices[0]?.delta));

  const call: Body = { messages: [user("What is the weather in Oslo?")], tools, tool_choice: { type: "function", function: { name: "get_weather" } }, max_tokens: 60 };
  const wholeCall = await ask(direct, MODEL, call);
  const streamed = await collect(forge, hosted, call);
  say({ call: "stream, tools", id: streamed.id, prompt: "What is the weather in Oslo?", answer: toolArguments(streamed.chunks), usage: null, known: tokens(wholeCall.answer.usage)!, seconds: streamed.seconds });
  const expected = wholeCall.answer.choices[0]!.message.tool_calls?.[0];
  check("stream, tools: same arguments", expected?.type === "function" && toolArguments(streamed.chunks) === expected.function.arguments, toolArguments(streamed.chunks));
}

async function firstBytes(): Promise<void> {
  const body: Body = { messages: [user("Say yes.")], max_tokens: 2 };
  const [directMs, forgeMs]: [number[], number[]] = [[], []];
  for (let i = 0; i < 9; i++) {
    directMs.push((await collect(direct, MODEL, body)).firstMs);
    const { firstMs, id, chunks } = await collect(forge, hosted, body);
    forgeMs.push(firstMs);
    say({ call: "first byte", id, prompt: "Say yes.", answer: text(chunks), usage: null, quiet: true });
  }
  say({ firstByte: true, directMs, forgeMs });
}

async function roundTrip(): Promise<void> {
  const question = user("What is the weather in Rome?");
  const first = await compare("tools, call", { messages: [question], tools, tool_choice: { type: "function", function: { name: "get_weather" } }, max_tokens: 60 });
  const call = first.tool_calls![0]!;
  const result = { role: "tool" as const, tool_call_id: call.id, content: "18 degrees, rain" };
  await compare("tools, result", { messages: [question, { role: "assistant", content: "", tool_calls: [call] }, result], tools, max_tokens: 48 });
}

async function abort(): Promise<void> {
  const body = { model: hosted, messages: [user("Write a long story about a clockmaker.")], max_tokens: 900, temperature: 0, seed: 7, stream: true as const };
  const { data, response } = await forge.chat.completions.create(body).withResponse();
  let answer = "";
  let count = 0;
  for await (const chunk of data) {
    answer += chunk.choices[0]!.delta.content ?? "";
    if (++count === 12) data.controller.abort();
  }
  say({ call: "abort mid-stream", id: response.headers.get("x-request-id") ?? "", prompt: String(body.messages[0]!.content), answer, usage: null, end: "client_gone" });
}

async function refusal(name: string, expected: abstract new (...parts: never[]) => APIError, act: () => Promise<unknown>): Promise<APIError | undefined> {
  const error = await act().then(() => undefined, (reason: unknown) => reason);
  if (!(error instanceof APIError)) {
    check(name, false, String(error));
    return undefined;
  }
  check(name, error.constructor === expected && typeof error.type === "string" && Boolean(error.requestID), `${error.constructor.name} ${error.status} ${error.code}: ${error.message}`.slice(0, 160));
  return error;
}

async function errors(): Promise<void> {
  const hello = { model: hosted, messages: [user("hello")], max_tokens: 1 };
  const client = (apiKey: string) => new OpenAI({ baseURL: FORGE, apiKey, maxRetries: 0 }).chat.completions;
  await refusal("bad key", AuthenticationError, () => client("sk-forge-nobody").create(hello));
  await refusal("unknown model", NotFoundError, () => forge.chat.completions.create({ ...hello, model: "no-such-model" }));
  await refusal("malformed messages", BadRequestError, () => forge.chat.completions.create({ ...hello, messages: "hello" as never }));
  const long = { ...hello, messages: [user("word ".repeat(2_500))] };
  const overflow = await refusal("prompt longer than the model's context", BadRequestError, () => forge.chat.completions.create(long));
  say({ call: "prompt longer than the model's context", id: overflow?.requestID ?? "", prompt: "word word word …", answer: overflow?.message ?? "", usage: null, end: "upstream_error" });
  const straight = await direct.chat.completions.create({ ...long, model: MODEL }).catch((reason: APIError) => reason);
  check("prompt longer than the model's context: the model's own code", straight instanceof APIError && overflow?.code === straight.code, overflow?.code);
  await client(LIMITED_KEY).create(hello);
  const limited = await refusal("rate limit", RateLimitError, () => client(LIMITED_KEY).create(hello));
  check("rate limit: retry-after says how long", Number(limited?.headers?.get("retry-after")) >= 1, limited?.headers?.get("retry-after"));
}

await compare("chat", { messages: [user("What is the largest planet?")], max_tokens: 64 });
await compare("chat, system", { messages: [{ role: "system", content: "Answer in one word." }, user("What colour is grass?")], max_tokens: 16 });
await streams();
await roundTrip();
const json = await compare("JSON mode", { messages: [user("Give a JSON object with a key name.")], response_format: { type: "json_object" }, max_tokens: 80 });
check("JSON mode: the answer is JSON", typeof JSON.parse(json.content!) === "object");
await compare("vision part", { messages: [user([{ type: "text", text: "What is it?" }, { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } }])], max_tokens: 24 });
await firstBytes();
await abort();
await errors();
