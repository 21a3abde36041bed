/**
 * Five turns of a model that thinks between its words and its calls: whichever SDK the client has, the provider gets every block and
 * every signature back byte for byte, at its place.
 */
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startLocal, type LocalGateway } from "../../scripts/local.ts";
import { createKey } from "../support/admin.ts";

type Json = Record<string, unknown>;
type Speech = {
  path: RegExp;
  /** What the model says in each turn: blocks, parts or items of its protocol. */
  turns: Json[][];
  whole(blocks: Json[]): Json;
  streamed(blocks: Json[]): Json[];
  /** What a request says that the model said, in the same words. */
  heard(body: never): unknown[];
  /** Blocks that need not come back. */
  isIdle?(block: Json): boolean;
};

const signature = (name: string): string => Buffer.from(`${name} ${"\u0000\u00ff~?>".repeat(20)}`, "latin1").toString("base64");
const asks = ["How is the weather?", "And the next days?"];
const city = (name: string): Json => ({ city: name, exact: true });

const thinking = (name: string): Json => ({ type: "thinking", thinking: `Let me think: ${name} …`, signature: signature(name) });
const toolUse = (id: string, name: string): Json => ({ type: "tool_use", id, name: "weather", input: city(name) });
const usage = { input_tokens: 9, output_tokens: 9 };

const anthropic: Speech = {
  path: /\/v1\/messages$/,
  turns: [
    [thinking("one"), { type: "text", text: "I look it up. " }, toolUse("toolu_1", "Zürich")],
    [thinking("two"), toolUse("toolu_2", "東京"), toolUse("toolu_3", "Bern")],
    [{ type: "redacted_thinking", data: signature("secret") }, thinking("three"), { type: "text", text: "Almost 🗼" }, thinking("three and a half"), { type: "text", text: " there." }, thinking("four"), toolUse("toolu_4", "Chur")],
    [thinking("five"), { type: "text", text: "It is warm." }],
    [{ type: "text", text: "It stays so." }, thinking("six")],
  ],
  whole: (content) => ({ id: "msg_1", type: "message", role: "assistant", model: "m", content, stop_reason: content.at(-1)!.type === "tool_use" ? "tool_use" : "end_turn", stop_sequence: null, usage }),
  streamed: (blocks) => [
    { type: "message_start", message: { ...anthropic.whole(blocks), content: [], stop_reason: null } },
    ...blocks.flatMap((block, index): Json[] => {
      const delta = (said: Json): Json => ({ type: "content_block_delta", index, delta: said });
      const { thinking: thought, signature: signed, text, input, ...bare } = block;
      const empty = { thinking: { thinking: "", signature: "" }, text: { text: "" }, tool_use: { input: {} }, redacted_thinking: {} }[block.type as "text"];
      return [
        { type: "content_block_start", index, content_block: { ...bare, ...empty } },
        ...(thought ? [delta({ type: "thinking_delta", thinking: (thought as string).slice(0, 7) }), delta({ type: "thinking_delta", thinking: (thought as string).slice(7) }), delta({ type: "signature_delta", signature: signed })] : []),
        ...(text ? [...(text as string)].map((letter) => delta({ type: "text_delta", text: letter })) : []),
        ...(input ? [delta({ type: "input_json_delta", partial_json: JSON.stringify(input) })] : []),
        { type: "content_block_stop", index },
      ];
    }),
    { type: "message_delta", delta: { stop_reason: anthropic.whole(blocks).stop_reason, stop_sequence: null }, usage },
    { type: "message_stop" },
  ],
  heard: ({ messages }: { messages: { role: string; content: Json[] }[] }) => messages.filter(({ role }) => role === "assistant").flatMap(({ content }) => content),
};

const call = (id: string, name: string, signed?: string): Json => ({ functionCall: { id, name: "weather", args: city(name) }, ...(signed && { thoughtSignature: signature(signed) }) });

const gemini: Speech = {
  path: /:(?:stream)?[gG]enerateContent/,
  turns: [
    [{ text: "Let me think.", thought: true }, { text: "I look it up. ", thoughtSignature: signature("text") }, call("g1", "Zürich", "one")],
    [call("g2", "東京", "two"), call("g3", "Bern")],
    [{ text: "Hm.", thought: true }, call("g4", "Chur", "three")],
    [{ text: "It is warm.", thoughtSignature: signature("four") }],
    [{ text: "It stays so.", thoughtSignature: signature("five") }],
  ],
  whole: (parts) => ({ candidates: [{ index: 0, content: { role: "model", parts }, finishReason: "STOP" }], usageMetadata: { promptTokenCount: 9, candidatesTokenCount: 9 }, modelVersion: "m", responseId: "r1" }),
  streamed: (parts) => parts.map((part, at) => ({ ...gemini.whole([part]), candidates: [{ index: 0, content: { role: "model", parts: [part] }, ...(at === parts.length - 1 && { finishReason: "STOP" }) }] })),
  heard: ({ contents }: { contents: { role: string; parts: Json[] }[] }) => contents.filter(({ role }) => role === "model").flatMap(({ parts }) => parts).filter((part) => !part.thought),
  isIdle: (part) => part.thought === true,
};

const reasoning = (name: string, ...summary: string[]): Json => ({ type: "reasoning", id: `rs_${name}`, summary: summary.map((text) => ({ type: "summary_text", text })), encrypted_content: signature(name) });
const message = (id: string, text: string): Json => ({ type: "message", id, role: "assistant", status: "completed", content: [{ type: "output_text", text, annotations: [] }] });
const functionCall = (id: string, name: string): Json => ({ type: "function_call", id: `fc_${id}`, call_id: id, name: "weather", arguments: JSON.stringify(city(name)), status: "completed" });

const responses: Speech = {
  path: /\/v1\/responses$/,
  turns: [
    [reasoning("one", "First,", "then."), message("msg_1", "I look it up. "), functionCall("c1", "Zürich")],
    [reasoning("two"), functionCall("c2", "東京"), functionCall("c3", "Bern")],
    [reasoning("three", "So."), message("msg_3", "Almost there."), reasoning("four", "But wait."), functionCall("c4", "Chur")],
    [reasoning("five"), message("msg_4", "It is warm.")],
    [reasoning("six", "Well."), message("msg_5", "It stays so.")],
  ],
  whole: (output) => ({ id: "resp_1", object: "response", created_at: 1, status: "completed", model: "m", output, error: null, incomplete_details: null, usage: { ...usage, total_tokens: 18, input_tokens_details: { cached_tokens: 0 }, output_tokens_details: { reasoning_tokens: 3 } } }),
  streamed: (items) => {
    const frames: Json[] = [
      { type: "response.created", response: { ...responses.whole([]), status: "in_progress", usage: null } },
      ...items.flatMap((item, output_index): Json[] => {
        const at = { item_id: item.id, output_index };
        const [text] = (item.content as { text: string }[] | undefined) ?? [];
        return [
          { type: "response.output_item.added", output_index, item: { ...item, ...(text && { content: [] }), ...(item.arguments !== undefined && { arguments: "" }), ...(item.summary !== undefined && { summary: [] }) } },
          ...((item.summary ?? []) as { text: string }[]).flatMap((part, summary_index) => [
            { type: "response.reasoning_summary_part.added", ...at, summary_index, part: { type: "summary_text", text: "" } },
            { type: "response.reasoning_summary_text.delta", ...at, summary_index, delta: part.text },
            { type: "response.reasoning_summary_part.done", ...at, summary_index, part },
          ]),
          ...(text ? [{ type: "response.content_part.added", ...at, content_index: 0, part: { type: "output_text", text: "", annotations: [] } }, ...[...text.text].map((delta) => ({ type: "response.output_text.delta", ...at, content_index: 0, delta })), { type: "response.output_text.done", ...at, content_index: 0, text: text.text }] : []),
          ...(item.arguments === undefined ? [] : [{ type: "response.function_call_arguments.delta", ...at, delta: item.arguments }]),
          { type: "response.output_item.done", output_index, item },
        ];
      }),
      { type: "response.completed", response: responses.whole(items) },
    ];
    return frames.map((frame, sequence_number) => ({ ...frame, sequence_number }));
  },
  heard: ({ input }: { input: Json[] }) => input.filter(({ type, role }) => type !== "function_call_output" && role !== "user").map(bare),
};

/** An item without what only tells where it stands. */
function bare({ id, status: _status, role: _role, ...item }: Json): Json {
  const { content, role: _r, ...rest } = item;
  const text = Array.isArray(content) ? (content as { text: string }[]).map((part) => part.text).join("") : content;
  return { ...rest, type: rest.type ?? "message", ...(text !== undefined && { text }), ...(rest.type === "reasoning" && { id }) };
}

const speeches = { anthropic, gemini, openai: responses };
type Provider = keyof typeof speeches;

const state = { provider: "anthropic" as Provider, turn: 0, bodies: [] as unknown[] };
const server = createServer((request, response) => {
  let text = "";
  request.setEncoding("utf8").on("data", (part: string) => (text += part)).on("end", () => {
    const body = JSON.parse(text) as { stream?: boolean };
    const speech = speeches[state.provider];
    const { pathname } = new URL(request.url!, "http://upstream.example");
    if (!speech.path.test(pathname)) return void response.writeHead(404).end();
    state.bodies.push(body);
    const blocks = speech.turns[state.turn++]!;
    const isStream = body.stream === true || pathname.includes("stream");
    response.writeHead(200, { "content-type": isStream ? "text/event-stream" : "application/json" });
    if (!isStream) return void response.end(JSON.stringify(speech.whole(blocks)));
    for (const frame of speech.streamed(blocks)) response.write(`${typeof frame.type === "string" ? `event: ${frame.type}\n` : ""}data: ${JSON.stringify(frame)}\n\n`);
    response.end();
  });
});

let gateway: LocalGateway;
let key: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  gateway = await startLocal({
    port: 0,
    vars: {
      ...createKey.secrets, ANTHROPIC_API_KEY: "a", ANTHROPIC_BASE_URL: url, OPENAI_API_KEY: "o", OPENAI_BASE_URL: `${url}/v1`, GEMINI_API_KEY: "g", GEMINI_BASE_URL: `${url}/v1beta`, ALLOW_PRIVATE_UPSTREAMS: "true",
    },
  });
  key = (await createKey(gateway.url, { limits: { requestsPerMinute: 10_000 } })).secret;
});
afterAll(async () => {
  await gateway?.stop();
  server.close();
  server.closeAllConnections();
});

/** Says the model's next turn: takes what the client says to it, gives the ids of the calls that it has to answer. */
type Turn = (said: { text: string } | { results: string[] }) => Promise<string[]>;
type Client = { speaks: Provider | undefined; begin(model: string, stream: boolean): Turn };

const schema = { type: "object" as const, properties: { city: { type: "string" }, exact: { type: "boolean" } } };
const openai = () => new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key, maxRetries: 0, ...(state.provider === "openai" && { defaultHeaders: { "x-forge-protocol": "openai-responses" } }) });

/** As agents do: deltas are appended, and the message goes back with all its fields. */
async function chatAnswer(body: OpenAI.ChatCompletionCreateParamsNonStreaming, stream: boolean): Promise<OpenAI.ChatCompletionMessage> {
  if (!stream) return (await openai().chat.completions.create(body)).choices[0]!.message;
  const answer = { role: "assistant" as const, content: "", refusal: null, tool_calls: [] as OpenAI.ChatCompletionMessageFunctionToolCall[], reasoning_details: [] as Json[] };
  for await (const { choices } of await openai().chat.completions.create({ ...body, stream: true })) {
    const delta = choices[0]!.delta as OpenAI.ChatCompletionChunk.Choice.Delta & { reasoning_details?: Json[] };
    answer.content += delta.content ?? "";
    answer.reasoning_details.push(...(delta.reasoning_details ?? []));
    for (const { index, ...one } of delta.tool_calls ?? []) {
      const known = answer.tool_calls[index];
      if (known) known.function.arguments += one.function?.arguments ?? "";
      else answer.tool_calls[index] = one as OpenAI.ChatCompletionMessageFunctionToolCall;
    }
  }
  return answer as OpenAI.ChatCompletionMessage;
}

const clients: Record<string, Client> = {
  "chat completions": {
    speaks: undefined,
    begin(model, stream) {
      const messages: OpenAI.ChatCompletionMessageParam[] = [];
      return async (said) => {
        if ("text" in said) messages.push({ role: "user", content: said.text });
        else messages.push(...said.results.map((tool_call_id) => ({ role: "tool" as const, tool_call_id, content: "22 °C" })));
        const answer = await chatAnswer({ model, messages, tools: [{ type: "function", function: { name: "weather", parameters: schema } }], reasoning_effort: "high" }, stream);
        messages.push(answer);
        return (answer.tool_calls ?? []).map(({ id }) => id);
      };
    },
  },
  responses: {
    speaks: "openai",
    begin(model, stream) {
      const input: OpenAI.Responses.ResponseInput = [];
      return async (said) => {
        if ("text" in said) input.push({ role: "user", content: said.text });
        else input.push(...said.results.map((call_id) => ({ type: "function_call_output" as const, call_id, output: "22 °C" })));
        const body = { model, input, store: false, include: ["reasoning.encrypted_content" as const], tools: [{ type: "function" as const, name: "weather", parameters: schema, strict: false }], reasoning: { effort: "high" as const, summary: "auto" as const } };
        const { output } = stream ? await openai().responses.stream(body).finalResponse() : await openai().responses.create(body);
        input.push(...(output as OpenAI.Responses.ResponseInput));
        return output.flatMap((item) => (item.type === "function_call" ? [item.call_id] : []));
      };
    },
  },
  messages: {
    speaks: "anthropic",
    begin(model, stream) {
      const client = new Anthropic({ baseURL: gateway.url, apiKey: key, authToken: null, maxRetries: 0 });
      const messages: Anthropic.MessageParam[] = [];
      return async (said) => {
        messages.push({ role: "user", content: "text" in said ? said.text : said.results.map((tool_use_id) => ({ type: "tool_result" as const, tool_use_id, content: "22 °C" })) });
        const body = { model, messages, max_tokens: 9_000, thinking: { type: "enabled" as const, budget_tokens: 4_000 }, tools: [{ name: "weather", input_schema: schema }] };
        const { content } = stream ? await client.messages.stream(body).finalMessage() : await client.messages.create(body);
        messages.push({ role: "assistant", content });
        return content.flatMap((block) => (block.type === "tool_use" ? [block.id] : []));
      };
    },
  },
  gemini: {
    speaks: "gemini",
    begin(model, stream) {
      const client = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: gateway.url, retryOptions: { attempts: 1 } } });
      const config = { tools: [{ functionDeclarations: [{ name: "weather", parametersJsonSchema: schema }] }], thinkingConfig: { includeThoughts: true, thinkingBudget: 4_000 } };
      const chat = client.chats.create({ model, config });
      return async (said) => {
        const message = "text" in said ? said.text : said.results.map((id) => ({ functionResponse: { id, name: "weather", response: { output: "22 °C" } } }));
        const chunks = stream ? await Array.fromAsync(await chat.sendMessageStream({ message })) : [await chat.sendMessage({ message })];
        return chunks.flatMap(({ functionCalls }) => (functionCalls ?? []).map(({ id }) => id!));
      };
    },
  },
};

const pairs = Object.keys(clients).flatMap((name) => (Object.keys(speeches) as Provider[]).filter((provider) => clients[name]!.speaks !== provider).map((provider) => [name, provider] as const));

describe.each(pairs)("%s to %s", (name, provider) => {
  test.each([["whole", false], ["streamed", true]] as const)("%s: every block comes back at its place", async (_, stream) => {
    const { turns, heard, isIdle } = speeches[provider];
    Object.assign(state, { provider, turn: 0, bodies: [] });
    const next = clients[name]!.begin(`${provider}/model-1`, stream);
    const questions = [...asks];
    let results: string[] = [];
    for (const [index] of turns.entries()) {
      results = await next(results.length > 0 ? { results } : { text: questions.shift()! });
      expect(state.bodies).toHaveLength(index + 1);
      const said = turns.slice(0, index).flat().filter((block) => !isIdle?.(block));
      expect(heard(state.bodies[index] as never), `turn ${index + 1}`).toEqual(provider === "openai" ? said.map(bare) : said);
    }
  });
});
