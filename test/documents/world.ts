/**
 * Forge behind the vendors' addresses, as their documents' readers meet it: an independent mock of the vendors' APIs upstream, another as the
 * owner's own server, and a project's database for InsForge's SDK. The same for curl, Node and Python.
 */
import { LLMock } from "@copilotkit/aimock";
import { createServer, type Server } from "node:http";
import { startLocal, type LocalGateway } from "../../scripts/local.ts";
import { admin, createKey } from "../support/admin.ts";
import { hangUp, listen } from "../support/server.ts";

export const picture = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
export const sound = Buffer.from(Array.from({ length: 5_000 }, (_, i) => i % 251));
export const vector = [0.5, -0.25, 0.125, 1];
export const documents = [{ id: 1, title: "A mango" }, { id: 2, title: "A river" }];
export const bangla = "AI মানে কৃত্রিম বুদ্ধিমত্তা…";

/** What a prompt that has these words is answered, here and by the owner's own server. */
const answers: Record<string, string> = {
  "Hello from Forge!": "Hello to you.", "Explain machine learning": "First it learns.\n\nThen it knows.\n\nAt last it forgets.", "Explain AI in Bangla": bangla,
  "What is sovereign mode?": "Nothing leaves.", "Summarize this NDA": "Both sides keep quiet.", "What is Forge?": "A gateway.", "haiku about Dhaka": "Rain on rickshaw bells",
  "Once upon a time in Dhaka": " a kite was lost.", "Bangla literature": "Verse.\nSong.\nStory.", "Dhaka food tour": "Day one: biryani.", "capital of France": "Paris.", "short product update": "It is faster now.",
  "Describe this image": "A field.", "Summarize these records": "A mango and a river.", "Create a React component": "Here is the React component code...", "Name a city as JSON": '{"city":"Dhaka"}',
};

/** Tools by a word of the prompt: each is called once, and then what came of it is told. */
const calls: Record<string, { content?: string; name: string; arguments: string; later: string }> = {
  "in Tokyo": { name: "get_weather", arguments: '{"city":"Tokyo"}', later: "It rains in Tokyo." },
  "Look up order 123": { name: "get_order", arguments: '{"orderId":"123"}', later: "Order 123 is on its way." },
  "like in Boston": { content: "To help you find the weather in Boston today, I will use the get_current_weather function.", name: "get_current_weather", arguments: '{"location":"Boston, MA","unit":"celsius"}', later: "It is cold in Boston." },
};

const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18, input_tokens: 11, output_tokens: 7 };

function scripted(): LLMock {
  const mock = new LLMock({ port: 0, host: "127.0.0.1", chunkSize: 6 });
  for (const [prompt, { later, content, ...call }] of Object.entries(calls)) {
    mock.on({ userMessage: prompt, hasToolResult: true }, { content: later });
    mock.on({ userMessage: prompt, hasToolResult: false }, { ...(content !== undefined && { content }), toolCalls: [{ id: `call_${call.name}`, ...call }] });
  }
  for (const [prompt, content] of Object.entries(answers)) mock.onMessage(prompt, { content, usage });
  mock.onMessage(/[^]*/, { content: "Hello." });
  mock.onEmbedding(/[^]*/, { embedding: vector });
  mock.onImage(/[^]*/, { image: { b64Json: picture } });
  mock.onSpeech(/[^]*/, { audio: sound.toString("base64") });
  mock.onTranscription({ transcription: { text: "Hello there.", duration: 1 } });
  mock.onVideo(/[^]*/, { video: { id: "film", status: "completed", b64: sound.toString("base64"), duration: 4 } });
  mock.onRerank(/[^]*/, [{ index: 0, relevance_score: 0.91 }, { index: 2, relevance_score: 0.78 }]);
  mock.onModerate(/[^]*/, { flagged: false, categories: { violence: false }, category_scores: { violence: 0.01 } });
  return mock;
}

/** What the mock has not: Google's model that draws in a conversation, and InsForge's database. */
function besides(): Server {
  return createServer(async (request, response) => {
    for await (const _ of request);
    const drawn = { candidates: [{ index: 0, finishReason: "STOP", content: { role: "model", parts: [{ text: "Here it is." }, { inlineData: { mimeType: "image/png", data: picture } }] } }], usageMetadata: { promptTokenCount: 9, candidatesTokenCount: 1_290, totalTokenCount: 1_299 }, modelVersion: "gemini-2.5-flash-image", responseId: "drawn" };
    const told: unknown = request.url!.endsWith("gemini-2.5-flash-image:generateContent") ? drawn : request.url!.startsWith("/api/database/records/documents?") ? documents : undefined;
    response.writeHead(told ? 200 : 404, { "content-type": "application/json" }).end(JSON.stringify(told ?? {}));
  });
}

export class World {
  readonly url: string;
  /** The vendors, and the owner's own server. */
  readonly vendors: LLMock;
  readonly own: LLMock;
  /** Where InsForge's database is. */
  readonly database: string;
  readonly organisation: string;
  private readonly local: LocalGateway;
  private readonly server: Server;
  private readonly ended = new Set<string>();

  private constructor(parts: Pick<World, "url" | "vendors" | "own" | "database" | "organisation"> & { local: LocalGateway; server: Server }) {
    ({ url: this.url, vendors: this.vendors, own: this.own, database: this.database, organisation: this.organisation, local: this.local, server: this.server } = parts);
  }

  static async start(): Promise<World> {
    const [vendors, own, server] = [scripted(), scripted(), besides()];
    const [at, ownAt, database] = await Promise.all([vendors.start(), own.start(), listen(server)]);
    const places = { OPENAI: `${at}/v1`, ANTHROPIC: at, COHERE: at, OPENROUTER: `${at}/api/v1`, GEMINI: `${database}/v1beta`, XAI: `${at}/v1` };
    const vars = Object.fromEntries(Object.entries(places).flatMap(([name, place]) => [[`${name}_BASE_URL`, place], [`${name}_API_KEY`, "sk-scripted"]]));
    const local = await startLocal({ port: 0, vars: { ...createKey.secrets, ...vars, SOVEREIGN_ORIGIN: `${ownAt}/v1`, ALLOW_PRIVATE_UPSTREAMS: "true", VIDEO_POLL_MS: "50", PROVIDER_BATCH_POLL_MS: "100" } });
    const { id: organisation } = await admin<{ id: string }>(local.url, "POST", "/organisations", { name: "Readers" });
    // The documents' own names, and those of models that their vendors have withdrawn since: whoever owns a gateway says what they mean.
    const aliases = { "priyo-llama": "openai/gpt-4o-mini", "priyo-embed": "openai/text-embedding-3-small", "dall-e-3": "openai/gpt-image-2", "gpt-image-1": "openai/gpt-image-2", "claude-sonnet-4-20250514": "anthropic/claude-sonnet-4-6" };
    for (const [name, target] of Object.entries(aliases)) await admin(local.url, "PUT", `/aliases/${name}`, { organisation, targets: [target] });
    return new World({ url: local.url, vendors, own, database, organisation, local, server });
  }

  async stop(): Promise<void> {
    hangUp(this.server);
    await Promise.all([this.local.stop(), this.end("vendors"), this.end("own")]);
  }

  /** From now on nobody is there. */
  async end(whose: "vendors" | "own"): Promise<void> {
    if (this.ended.has(whose)) return;
    this.ended.add(whose);
    await this[whose].stop();
  }

  /** A key that begins as the document says. */
  async key(prefix: string, policy: object = {}): Promise<string> {
    return (await admin<{ secret: string }>(this.url, "POST", "/keys", { organisation: this.organisation, name: "reader", prefix, policy })).secret;
  }
}
