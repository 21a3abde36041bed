/** What every provider's row must keep, whoever it is, and where each one's calls really go. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { tryOnce } from "../../src/pipeline/attempt.ts";
import { passthrough } from "../../src/pipeline/passthrough.ts";
import { conversations, anthropicCountTokens, anthropicMessages, gemini, openaiChat, openaiCompletions, openaiEmbeddings, openaiImageEdits, openaiImageEditsJson, openaiImages, openaiImageVariations, openaiInputTokens, openaiModerations, openaiResponses, openaiSpeech, openaiTranscriptions, openaiTranslations, openaiVideos, rerank } from "../../src/protocols/index.ts";
import { authHeaders, baseUrlsOf, endpoints, providerOf, providers, secretOf, selfHosted, usable, type Endpoint, type Provider } from "../../src/providers/index.ts";
import { envName } from "../../src/providers/provider.ts";
import { send, upstreamRequestId } from "../../src/upstream/index.ts";

const geminiCalls = [gemini("ours", "streamGenerateContent", true)!, gemini("ours", "batchEmbedContents", false)!] as const;
const protocols = [openaiChat, openaiEmbeddings, anthropicMessages, anthropicCountTokens, openaiResponses, openaiInputTokens, openaiCompletions, openaiModerations, rerank, openaiImages, openaiImageEdits, openaiImageEditsJson, openaiImageVariations, openaiVideos, ...geminiCalls];
const media = [openaiSpeech, openaiTranscriptions, openaiTranslations];
const spoken = [...[...protocols, ...media].flatMap(({ id, crossings = [], jobs = [] }) => [id, ...[...crossings, ...jobs].map((one) => one.id)]), ...conversations.keys()];
const secret = "sk-canary-0123456789";
/** What an owner must set beside keys so that every provider is somewhere. */
const places = {
  SOVEREIGN_ORIGIN: "http://127.0.0.1:11434/v1", AZURE_BASE_URL: "https://acme.openai.azure.com/openai/v1", CLOUDFLARE_ACCOUNT_ID: "acc0", AWS_REGION: "eu-west-1",
  VERTEX_PROJECT: "acme", VERTEX_LOCATION: "europe-west4",
};
const publicly = (vars: Record<string, unknown>) => ({ vars, allowPrivate: false });

afterEach(() => void vi.restoreAllMocks());

/** The endpoint of a provider whose key is set. */
function endpointOf(provider: Provider): Endpoint {
  const endpoint = endpoints(publicly({ ...places, [envName(provider.id, "API_KEY")]: secret })).get(provider.id)?.[0];
  if (!endpoint) throw new Error(`${provider.id} is nowhere`);
  return endpoint;
}

/** The request that leaves for a provider when a client sends `body`. */
async function sent(provider: Provider, protocol: typeof openaiChat, body: object, client: Record<string, string> = { cookie: "private" }): Promise<{ url: string; headers: Headers; body: Record<string, unknown>; redirect: string | undefined }> {
  const called = vi.spyOn(globalThis, "fetch").mockImplementation(async () => Response.json({}));
  const attempt = { endpoint: endpointOf(provider), upstreamId: "their-id", deployment: `${provider.id}/their-id`, vital: "", prices: [], maxOutputTokens: undefined, protocols: [protocol.id] };
  const request = { text: JSON.stringify(body), json: { ...body }, facts: protocol.parse(body), headers: new Headers(client), requestId: "req_0", startedAtMs: 0 };
  await tryOnce(attempt, passthrough(attempt, protocol, request), new AbortController().signal);
  const [url, init] = called.mock.calls[0]!;
  return { url: String(url), headers: new Headers(init?.headers), body: JSON.parse(String(init?.body)) as Record<string, unknown>, redirect: init?.redirect };
}

const chat = { model: "ours", messages: [{ role: "user", content: "hi" }] };

test("ids are unique, and each is found by its own", () => {
  expect(new Set(providers.map(({ id }) => id)).size).toBe(providers.length);
  for (const provider of providers) expect(providerOf(provider.id)).toBe(provider);
  expect(providerOf("nobody")).toBeUndefined();
});

test("names that requests may call them by are lower case, and each means one", () => {
  const names = providers.flatMap(({ id, name, alsoCalled = [] }) => [...new Set([id, name.toLowerCase(), ...alsoCalled])]);
  expect(names.filter((name) => name !== name.toLowerCase())).toEqual([]);
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
});

/** OpenRouter's slugs of whom we call, as its API lists them: https://openrouter.ai/docs/api-reference/providers/list-all-providers */
test.each([
  ["amazon-bedrock", "bedrock"], ["google-vertex", "vertex"], ["google-ai-studio", "gemini"], ["z-ai", "zai"], ["xai", "xai"], ["cloudflare", "workers-ai"], ["azure", "azure"],
  ["together", "together"], ["fireworks", "fireworks"], ["anthropic", "anthropic"], ["openai", "openai"], ["mistral", "mistral"], ["deepseek", "deepseek"], ["groq", "groq"],
  ["cerebras", "cerebras"], ["perplexity", "perplexity"], ["cohere", "cohere"],
])("OpenRouter's %s is our %s", (slug, id) => {
  expect(providers.filter((provider) => provider.id === slug || provider.alsoCalled?.includes(slug)).map((provider) => provider.id)).toEqual([id]);
});

test("only one is self-hosted, and it comes first", () => {
  expect(providers.filter((provider) => provider.selfHosted)).toEqual([selfHosted]);
  expect(providers[0]).toBe(selfHosted);
});

describe.each(providers.map((provider) => [provider.id, provider] as const))("%s", (id, provider) => {
  test("has an id that can stand in a var, a model name and a URL", () => {
    expect(id).toMatch(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
    expect(envName(id, "API_KEY")).toMatch(/^[A-Z][A-Z0-9_]*_API_KEY$/);
    expect(provider.name).toMatch(/\S/);
  });

  test("is at an https URL, or says that the owner must say where", () => {
    if (provider.baseUrl === undefined) return expect(baseUrlsOf(provider, publicly({}))).toEqual([]);
    if (provider.selfHosted) return expect(provider.baseUrl).toBe("{SOVEREIGN_ORIGIN}");
    expect(provider.baseUrl).toMatch(/^https:\/\/(?:[a-z0-9.-]|\{[A-Z_]+\})+(\/[^?#]*)?$/);
    expect(provider.baseUrl).not.toMatch(/\/$/);
  });

  test("has its {VAR}s filled, and is nowhere while one is missing", () => {
    const needed = [...(provider.baseUrl ?? "").matchAll(/\{([A-Z_]+)\}/g)].map(([, name]) => name!);
    for (const name of needed) {
      expect(baseUrlsOf(provider, publicly({ ...places, [name]: undefined }))).toEqual([]);
      expect(baseUrlsOf(provider, publicly({ ...places, [name]: "" }))).toEqual([]);
    }
    expect(endpointOf(provider).baseUrl).not.toMatch(/[{}]/);
  });

  test("can be somewhere else", () => {
    const at = (url: string) => baseUrlsOf(provider, publicly({ ...places, [envName(id, "BASE_URL")]: url }))[0];
    expect(at("https://proxy.example.com/v9")).toBe("https://proxy.example.com/v9");
    expect(at("https://proxy.example.com/v9/")).toBe("https://proxy.example.com/v9");
    expect(at("https://proxy.example.com//")).toBe("https://proxy.example.com");
    expect(at("")).toBe(provider.baseUrl === undefined ? undefined : endpointOf(provider).baseUrl);
    expect(() => at("not a url")).toThrow(`Base URL of ${id}: not a URL`);
  });

  test("reaches into a private network only where that is allowed", () => {
    const vars = { [envName(id, "BASE_URL")]: "http://10.0.0.7:8000/v1" };
    expect(baseUrlsOf(provider, { vars, allowPrivate: true })).toEqual(["http://10.0.0.7:8000/v1"]);
    if (provider.selfHosted) expect(baseUrlsOf(provider, publicly(vars))).toEqual(["http://10.0.0.7:8000/v1"]);
    else expect(() => baseUrlsOf(provider, publicly(vars))).toThrow(/ALLOW_PRIVATE_UPSTREAMS/);
  });

  test("has its key from its own var, and is not called without one", () => {
    expect(secretOf(provider, publicly({ [envName(id, "API_KEY")]: secret }))).toBe(secret);
    expect(secretOf(provider, publicly({ [envName(id, "API_KEY")]: "" }))).toBeUndefined();
    expect(usable(endpointOf(provider))).toBe(true);
    expect(usable({ ...endpointOf(provider), secret: undefined })).toBe(provider.selfHosted === true);
  });

  test("gets the key in one header, and none when there is none", () => {
    const headers = Object.entries(authHeaders(endpointOf(provider), provider.speaks[0]!)).filter(([, value]) => value.includes(secret));
    expect(headers.map(([, value]) => value.split(secret).length - 1)).toEqual([1]);
    for (const [name] of headers) expect(["authorization", "api-key", "x-api-key", "x-goog-api-key", "xi-api-key", "x-key"]).toContain(name);
    expect(authHeaders({ ...endpointOf(provider), secret: undefined }, provider.speaks[0]!)).toEqual({});
  });

  test("speaks protocols that there are, on paths of its own only where it speaks", () => {
    expect(provider.speaks.length).toBeGreaterThan(0);
    for (const protocol of provider.speaks) expect(spoken).toContain(protocol);
    for (const [protocol, path] of Object.entries(provider.paths ?? {})) {
      expect(provider.speaks).toContain(protocol);
      expect(path).toMatch(/^\/[^?#]*[^/?#]$/);
    }
  });

  test("gets nothing but its key, our name and the body", async () => {
    const { headers, redirect } = await sent(provider, openaiChat, chat);
    expect([...headers.keys()].filter((name) => !(provider.sign && name === "authorization") && !(name in authHeaders(endpointOf(provider), "openai-chat"))).sort()).toEqual(["content-type", "user-agent"]);
    expect(redirect).toBe("manual");
  });

  test("says what it does with prompts only with the page that says so, and where that page's owner answers", () => {
    const { data, baseUrl } = provider;
    if (data) {
      expect(data.trains ?? data.retains).toBe(false);
      expect(data.source).toMatch(/^https:\/\/[a-z.-]+\/\S+$/);
    }
    expect(endpointOf(provider).data).toBe(data);
    const elsewhere = endpoints(publicly({ ...places, [envName(id, "BASE_URL")]: "https://proxy.example.com/v1" })).get(id)![0]!;
    expect(elsewhere.data).toBe(baseUrl === undefined ? data : undefined);
  });

  test("tells its request id", () => {
    const endpoint = endpointOf(provider);
    const idIn = (headers: Record<string, string>) => upstreamRequestId(endpoint, new Response(null, { headers }));
    expect(idIn({ [provider.requestIdHeader ?? "x-request-id"]: "theirs", ...(provider.requestIdHeader && { "x-request-id": "a proxy's" }) })).toBe("theirs");
    expect(idIn({ "x-request-id": "plain" })).toBe("plain");
    expect(idIn({})).toBeNull();
  });
});

/** From each provider's own documentation, as its file links it. */
const chatUrls: Record<string, string> = {
  selfhosted: "http://127.0.0.1:11434/v1/chat/completions",
  openai: "https://api.openai.com/v1/chat/completions",
  vertex: "https://europe-west4-aiplatform.googleapis.com/v1/projects/acme/locations/europe-west4/endpoints/openapi/chat/completions",
  mistral: "https://api.mistral.ai/v1/chat/completions",
  deepseek: "https://api.deepseek.com/chat/completions",
  xai: "https://api.x.ai/v1/chat/completions",
  azure: "https://acme.openai.azure.com/openai/v1/chat/completions",
  groq: "https://api.groq.com/openai/v1/chat/completions",
  cerebras: "https://api.cerebras.ai/v1/chat/completions",
  together: "https://api.together.xyz/v1/chat/completions",
  fireworks: "https://api.fireworks.ai/inference/v1/chat/completions",
  perplexity: "https://api.perplexity.ai/chat/completions",
  zai: "https://api.z.ai/api/paas/v4/chat/completions",
  "workers-ai": "https://api.cloudflare.com/client/v4/accounts/acc0/ai/v1/chat/completions",
  ollama: "https://ollama.com/v1/chat/completions",
  openrouter: "https://openrouter.ai/api/v1/chat/completions",
};

const embeddingUrls: Record<string, string> = {
  selfhosted: "http://127.0.0.1:11434/v1/embeddings",
  openai: "https://api.openai.com/v1/embeddings",
  xai: "https://api.x.ai/v1/embeddings",
  azure: "https://acme.openai.azure.com/openai/v1/embeddings",
  together: "https://api.together.xyz/v1/embeddings",
  fireworks: "https://api.fireworks.ai/inference/v1/embeddings",
  ollama: "https://ollama.com/v1/embeddings",
  openrouter: "https://openrouter.ai/api/v1/embeddings",
};

const responseUrls: Record<string, string> = {
  selfhosted: "http://127.0.0.1:11434/v1/responses",
  openai: "https://api.openai.com/v1/responses",
  deepseek: "https://api.deepseek.com/responses",
  xai: "https://api.x.ai/v1/responses",
  azure: "https://acme.openai.azure.com/openai/v1/responses",
  groq: "https://api.groq.com/openai/v1/responses",
  fireworks: "https://api.fireworks.ai/inference/v1/responses",
  "workers-ai": "https://api.cloudflare.com/client/v4/accounts/acc0/ai/v1/responses",
  ollama: "https://ollama.com/v1/responses",
  openrouter: "https://openrouter.ai/api/v1/responses",
};

const completionUrls: Record<string, string> = {
  selfhosted: "http://127.0.0.1:11434/v1/completions",
  openai: "https://api.openai.com/v1/completions",
  deepseek: "https://api.deepseek.com/beta/completions",
  azure: "https://acme.openai.azure.com/openai/v1/completions",
  cerebras: "https://api.cerebras.ai/v1/completions",
  together: "https://api.together.xyz/v1/completions",
  fireworks: "https://api.fireworks.ai/inference/v1/completions",
  ollama: "https://ollama.com/v1/completions",
  openrouter: "https://openrouter.ai/api/v1/completions",
};

const speaking = (protocol: string) => providers.filter(({ speaks }) => speaks.includes(protocol));

const messagesUrls: Record<string, string> = {
  anthropic: "https://api.anthropic.com/v1/messages",
  deepseek: "https://api.deepseek.com/anthropic/v1/messages",
  openrouter: "https://openrouter.ai/api/v1/messages",
};

describe("where calls go", () => {
  test.each(speaking("openai-responses").map((provider) => [provider.id, provider] as const))("%s, responses, of which none is stored", async (id, provider) => {
    const { url, body } = await sent(provider, openaiResponses, { model: "ours", input: "hi", stream: true, store: true });
    expect([url, body]).toEqual([responseUrls[id], { model: "their-id", input: "hi", stream: true, store: false }]);
  });

  test("only OpenAI counts input tokens", async () => {
    expect(speaking("openai-input-tokens")).toEqual([providerOf("openai")]);
    const { url, body } = await sent(providerOf("openai")!, openaiInputTokens, { model: "ours", input: "hi" });
    expect([url, body]).toEqual(["https://api.openai.com/v1/responses/input_tokens", { model: "their-id", input: "hi" }]);
  });

  test.each(speaking("openai-completions").map((provider) => [provider.id, provider] as const))("%s, completions", async (id, provider) => {
    expect((await sent(provider, openaiCompletions, { model: "ours", prompt: "hi" })).url).toBe(completionUrls[id]);
  });

  test.each(speaking("openai-chat").map((provider) => [provider.id, provider] as const))("%s is asked for usage in a stream unless it refuses to be", async (_, provider) => {
    const { body } = await sent(provider, openaiChat, { ...chat, stream: true });
    expect(body).toEqual({ ...chat, model: "their-id", stream: true, ...(provider.streamOptions === undefined && { stream_options: { include_usage: true } }) });
  });

  test.each(speaking("openai-chat").map((provider) => [provider.id, provider] as const))("%s, chat completions", async (id, provider) => {
    expect((await sent(provider, openaiChat, chat)).url).toBe(chatUrls[id]);
  });

  test.each(providers.filter(({ speaks }) => speaks.includes("openai-embeddings")).map((provider) => [provider.id, provider] as const))("%s, embeddings", async (id, provider) => {
    expect((await sent(provider, openaiEmbeddings, { model: "ours", input: "hi" })).url).toBe(embeddingUrls[id]);
  });

  test("Gemini's own API has the model in the URL, the key in Google's header, and the client's body as it is", async () => {
    const contents = [{ parts: [{ text: "hi" }] }];
    const generated = await sent(providerOf("gemini")!, geminiCalls[0], { contents });
    expect(generated).toMatchObject({ url: "https://generativelanguage.googleapis.com/v1beta/models/their-id:streamGenerateContent?alt=sse", body: { contents } });
    expect([generated.headers.get("x-goog-api-key"), generated.headers.get("authorization")]).toEqual([secret, null]);
  });

  test("Gemini's own embeddings name its own model inside, as they do in the URL", async () => {
    const content = { parts: [{ text: "hi" }] };
    const embedded = await sent(providerOf("gemini")!, geminiCalls[1], { requests: [{ model: "models/ours", content }] });
    expect(embedded).toMatchObject({ url: "https://generativelanguage.googleapis.com/v1beta/models/their-id:batchEmbedContents", body: { requests: [{ model: "models/their-id", content }] } });
  });

  test.each(providers.filter(({ speaks }) => speaks.includes("anthropic-messages")).map((provider) => [provider.id, provider] as const))("%s, Messages", async (id, provider) => {
    const { url, headers, body } = await sent(provider, anthropicMessages, { ...chat, max_tokens: 5 });
    expect([url, body]).toEqual([messagesUrls[id], { ...chat, max_tokens: 5, model: "their-id" }]);
    expect([headers.get("x-api-key"), headers.get("authorization")]).toEqual(id === "openrouter" ? [null, `Bearer ${secret}`] : [secret, null]);
    expect(headers.get("anthropic-version")).toBe(id === "anthropic" ? "2023-06-01" : null);
  });

  test("Messages' own headers go upstream as the client wrote them, and no others of its", async () => {
    const { headers } = await sent(providerOf("anthropic")!, anthropicMessages, { ...chat, max_tokens: 5 }, { "anthropic-version": "2026-10-21", "anthropic-beta": "a,b", "x-api-key": "the client's", cookie: "private" });
    expect([...headers]).toEqual([["anthropic-beta", "a,b"], ["anthropic-version", "2026-10-21"], ["content-type", "application/json"], ["user-agent", "forge"], ["x-api-key", secret]]);
  });

  test("Azure takes its key in a header of its own, all others as a bearer token", () => {
    for (const provider of providers.filter(({ speaks }) => speaks.includes("openai-chat"))) {
      expect(authHeaders(endpointOf(provider), "openai-chat")).toEqual(provider.id === "azure" ? { "api-key": secret } : { authorization: `Bearer ${secret}` });
    }
  });
});

describe("an installation", () => {
  test("without anything can reach those that are somewhere, and call none of them", () => {
    const reachable = endpoints(publicly({}));
    expect([...reachable.keys()]).toEqual(providers.map(({ id }) => id).filter((id) => !["selfhosted", "azure", "bedrock", "vertex", "workers-ai"].includes(id)));
    expect([...reachable.values()].flat().filter(usable)).toEqual([]);
  });

  test("with a bad base URL hears which one it is, and not what it was", () => {
    expect(() => endpoints(publicly({ GROQ_BASE_URL: "https://name:hunter2@groq.example.com" }))).toThrow("Base URL of groq: must not contain credentials");
    expect(() => endpoints(publicly({ GROQ_BASE_URL: "https://name:hunter2@groq.example.com" }))).not.toThrow(/hunter2/);
  });
});

describe("an agreement with a provider", () => {
  const agreedWith = (vars: Record<string, unknown>, id: string) => endpoints(publicly(vars)).get(id)?.[0]?.agreed;

  test("is the installation's own, for those that it names", () => {
    const vars = { ZERO_RETENTION_PROVIDERS: "openai, anthropic", NO_TRAINING_PROVIDERS: "openai,,gemini," };
    expect(agreedWith(vars, "openai")).toEqual({ retains: false, trains: false });
    expect(agreedWith(vars, "anthropic")).toEqual({ retains: false });
    expect(agreedWith(vars, "gemini")).toEqual({ trains: false });
    expect(agreedWith(vars, "mistral")).toBeUndefined();
    expect(agreedWith({ ZERO_RETENTION_PROVIDERS: "", NO_TRAINING_PROVIDERS: undefined }, "openai")).toBeUndefined();
  });

  test("with nobody is told at once, also where bad addresses only leave one out", () => {
    expect(() => endpoints(publicly({ ZERO_RETENTION_PROVIDERS: "openai,open-ai" }), () => {})).toThrow('ZERO_RETENTION_PROVIDERS: "open-ai" is no provider. There are selfhosted, openai,');
    expect(() => endpoints(publicly({ NO_TRAINING_PROVIDERS: "OpenAI" }))).toThrow('NO_TRAINING_PROVIDERS: "OpenAI" is no provider.');
  });
});

describe("a call", () => {
  test("does not follow a redirect", async () => {
    vi.spyOn(globalThis, "fetch").mockImplementation(async () => new Response(null, { status: 307, headers: { location: "https://elsewhere.example.com" } }));
    const call = send({ endpoint: endpointOf(providerOf("groq")!), protocol: "openai-chat", path: "/chat/completions", body: "{}", headers: {}, signal: new AbortController().signal });
    await expect(call).rejects.toMatchObject({ code: "upstream_error", message: "Groq answered with a redirect (307), which is not followed." });
  });

  test("that does not get through says whom it did not reach, and not why in the runtime's words", async () => {
    vi.spyOn(globalThis, "fetch").mockRejectedValue(new Error(`connect ECONNREFUSED with ${secret}`));
    const call = send({ endpoint: endpointOf(providerOf("groq")!), protocol: "openai-chat", path: "/chat/completions", body: "{}", headers: {}, signal: new AbortController().signal });
    await expect(call).rejects.toMatchObject({ code: "upstream_error", message: "Groq could not be reached." });
  });
});
