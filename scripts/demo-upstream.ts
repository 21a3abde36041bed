/**
 * An upstream for people who have no provider key yet: aimock on this machine, answering any prompt to any model without
 * a network. It invents nothing clever: it says that it is a demo and repeats what arrived, so that every feature of the
 * gateway (streams, tools, JSON mode, images, embeddings, usage) can be tried at once.
 */
import { buildEmbeddingResponse, generateDeterministicEmbedding, LLMock, type ChatCompletionRequest, type ChatMessage, type FixtureResponse, type Mountable } from "@copilotkit/aimock";
import type { IncomingMessage, ServerResponse } from "node:http";
import { providers } from "../src/providers/index.ts";
import { envName } from "../src/providers/provider.ts";
import { exampleOf } from "./schema-example.ts";
import type { Vars } from "./vars.ts";

/** Providers whose place the demo takes: one per wire format that aimock speaks. */
const standsFor = ["openai", "anthropic", "gemini"];
const charactersPerToken = 4;

/** A running demo upstream. `vars` point the gateway at it; `url` has no trailing slash. */
export type DemoUpstream = { url: string; vars: Vars; stop: () => Promise<void> };

/** Starts the demo upstream on a free port. */
export async function startDemoUpstream(): Promise<DemoUpstream> {
  const mock = new LLMock({ host: "127.0.0.1", port: 0, logLevel: "silent", journalMaxEntries: 10, chunkSize: 12, latency: 10 });
  mock.mount("", embeddings);
  mock.on({ endpoint: "chat" }, demoAnswer);
  const url = (await mock.start()).replace(/\/$/, "");
  return { url, vars: demoVars(url), stop: () => mock.stop() };
}

function demoVars(url: string): Vars {
  const vars: Vars = { ALLOW_PRIVATE_UPSTREAMS: "true" };
  for (const { id, baseUrl } of providers.filter((provider) => standsFor.includes(provider.id))) {
    vars[envName(id, "API_KEY")] = "demo";
    vars[envName(id, "BASE_URL")] = url + new URL(baseUrl!).pathname.replace(/\/$/, "");
  }
  return vars;
}

/** What the demo answers to a conversation: a tool call, JSON, or text that says what arrived. */
export function demoAnswer(request: ChatCompletionRequest): FixtureResponse {
  const last = request.messages.at(-1);
  const question = textOf(request.messages.findLast((message) => message.role === "user"));
  const tool = last?.role === "user" ? toolToCall(request) : undefined;
  if (tool) {
    const args = JSON.stringify(exampleOf(tool.parameters ?? {}, question));
    return { toolCalls: [{ name: tool.name, arguments: args }], usage: usageOf(request, args) };
  }
  const answer = last?.role === "tool" ? `The tool answered: ${textOf(last)}` : told(last, question);
  return cut(structured(request, question, answer) ?? answer, request);
}

function told(last: ChatMessage | undefined, question: string): string {
  const images = Array.isArray(last?.content) ? last.content.filter(({ type }) => /image/.test(type)).length : 0;
  const seen = images > 0 ? ` ${images === 1 ? "One image" : `${images} images`} came with it.` : "";
  return `This is Forge's demo upstream, not a model: set a provider's key to get real answers. You wrote: "${question}".${seen}`;
}

/** The tool that a model would be made to call: the chosen one, or the first. */
function toolToCall({ tools, tool_choice: choice }: ChatCompletionRequest): { name: string; parameters?: object } | undefined {
  if (choice === "none") return undefined;
  const chosen = typeof choice === "object" ? (choice as { function?: { name?: string }; name?: string }) : undefined;
  const name = chosen?.function?.name ?? chosen?.name;
  return (tools?.find((tool) => tool.function?.name === name) ?? tools?.find((tool) => tool.function))?.function;
}

function structured({ response_format: format }: ChatCompletionRequest, question: string, answer: string): string | undefined {
  if (format?.type === "json_object") return JSON.stringify({ demo: true, answer });
  const schema = (format as { json_schema?: { schema?: unknown } } | undefined)?.json_schema?.schema;
  return format?.type === "json_schema" ? JSON.stringify(exampleOf(schema ?? {}, question)) : undefined;
}

/** Ends an answer where the client's token limit ends it. */
function cut(content: string, request: ChatCompletionRequest): FixtureResponse {
  const limit = Number(request.max_completion_tokens ?? request.max_tokens ?? Infinity) * charactersPerToken;
  const sent = content.slice(0, limit);
  return { content: sent, usage: usageOf(request, sent), ...(sent.length < content.length && { finishReason: "length" }) };
}

/** Usage by length, under the names of each wire format that aimock speaks. */
function usageOf({ messages, tools }: ChatCompletionRequest, output: string) {
  const input = tokensOf(messages.map(textOf).join("") + JSON.stringify(tools ?? ""));
  const answer = tokensOf(output);
  return {
    prompt_tokens: input, completion_tokens: answer, total_tokens: input + answer,
    input_tokens: input, output_tokens: answer,
    promptTokenCount: input, candidatesTokenCount: answer, totalTokenCount: input + answer,
  };
}

const tokensOf = (text: string): number => Math.max(1, Math.ceil(text.length / charactersPerToken));

function textOf(message: ChatMessage | undefined): string {
  const content = message?.content ?? "";
  return typeof content === "string" ? content : content.map((part) => part.text ?? "").join(" ").trim();
}

/** Embeddings with usage, and in base64 when asked (the official SDKs ask for it); aimock's own have neither. */
const embeddings: Mountable = {
  async handleRequest(request, response, pathname) {
    if (request.method !== "POST" || !pathname.endsWith("/embeddings")) return false;
    const { input, model, dimensions = defaultDimensions(model), encoding_format: encoding } = await readJson(request);
    const texts = inputsOf(input);
    const tokens = texts.reduce((sum, text) => sum + tokensOf(text), 0);
    const vectors = texts.map((text) => generateDeterministicEmbedding(text, dimensions));
    const answer = buildEmbeddingResponse(vectors, model ?? "demo", { prompt_tokens: tokens, total_tokens: tokens });
    const data = answer.data.map((row) => (encoding === "base64" ? { ...row, embedding: base64Of(row.embedding) } : row));
    sendJson(response, { ...answer, data });
    return true;
  },
};

type EmbeddingRequest = { input?: unknown; model?: string; dimensions?: number; encoding_format?: string };

const defaultDimensions = (model = ""): number => (/large/.test(model) ? 3072 : 1536);
const base64Of = (vector: number[]): string => Buffer.from(new Float32Array(vector).buffer).toString("base64");

/** One text, several, one list of tokens, or several of those. */
function inputsOf(input: unknown): string[] {
  const several = Array.isArray(input) && typeof input[0] !== "number" ? input : [input];
  return several.map((one) => (Array.isArray(one) ? one.join(" ") : String(one ?? "")));
}

async function readJson(request: IncomingMessage): Promise<EmbeddingRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  try {
    return JSON.parse(Buffer.concat(chunks).toString()) as EmbeddingRequest;
  } catch {
    return {};
  }
}

function sendJson(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
