/** Both halves of generateContent: what is read is what was written, and streams keep their laws. */
import { describe, expect, it } from "vitest";
import { collect, eventsOf, type ChatEvent, type Usage } from "../../src/chat/index.ts";
import { noUsage } from "../../src/chat/usage.ts";
import { gemini, geminiUpstream } from "../../src/protocols/gemini/index.ts";
import { openaiChat, openaiResponses, openrouterChat } from "../../src/protocols/index.ts";
import { conversations } from "../../src/protocols/conversations.ts";
import { factsOf } from "../../src/pipeline/relay.ts";
import { parseUsage } from "../../src/protocols/gemini/usage.ts";

const context = { origin: { protocol: "gemini-generate", provider: "google" }, idSeed: "seed" };
const target = { upstreamId: "gemini-2.5-pro", origin: context.origin, dialect: {}, maxOutputTokens: undefined };
const client = gemini("m", "generateContent", false)!.conversation!;
const request = {
  systemInstruction: { parts: [{ text: "Be brief." }] },
  contents: [
    { role: "user", parts: [{ text: "Look" }, { inlineData: { mimeType: "image/png", data: "AAAA" } }] },
    { role: "model", parts: [{ functionCall: { id: "a", name: "get", args: { x: 1 } }, thoughtSignature: "c2ln" }] },
    { role: "user", parts: [{ functionResponse: { id: "a", name: "get", response: { y: 2 } } }] },
  ],
  tools: [{ functionDeclarations: [{ name: "get", description: "d", parametersJsonSchema: { type: "object" } }] }],
  generationConfig: { temperature: 1, stopSequences: ["x"], thinkingConfig: { thinkingBudget: 100, includeThoughts: true } },
};
const answer = {
  candidates: [{ index: 0, finishReason: "STOP", content: { role: "model", parts: [
    { text: "hm", thought: true }, { text: "a" }, { text: "b" }, { functionCall: { name: "get", args: { x: 1 } }, thoughtSignature: "c2ln" },
  ] } }],
  usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 4, thoughtsTokenCount: 5, totalTokenCount: 12 },
};

describe("gemini-generate", () => {
  it("writes back the request that it read", () => {
    expect(geminiUpstream.renderRequest(client.parseRequest(request), target)).toEqual({ body: request, losses: [] });
  });

  it("tells a service tier in each one's words, and it is reserved by that", () => {
    const tiers = (asked: string | undefined) => {
      const body = { ...request, ...(asked && { serviceTier: asked }) };
      const read = client.parseRequest(body);
      const chat = conversations.get("openai-chat")!.renderRequest(read, { ...target, origin: { protocol: "openai-chat", provider: "openai" } }).body.service_tier;
      const own = geminiUpstream.renderRequest(read, target);
      return [chat, own.body.serviceTier, own.losses, factsOf(gemini("m", "generateContent", false)!, JSON.stringify(body), body).serviceTier];
    };
    expect(tiers("priority")).toEqual(["priority", "priority", [], "priority"]);
    expect(tiers("flex")).toEqual(["flex", "flex", [], "flex"]);
    expect(tiers("standard")).toEqual(["default", undefined, [], "standard"]);
    expect(tiers("unspecified")).toEqual([undefined, undefined, [], "unspecified"]);
    const of = (service_tier: string) => geminiUpstream.renderRequest(openaiChat.conversation!.parseRequest({ model: "m", messages: [{ role: "user", content: "Hi" }], service_tier }), target);
    expect([of("flex").body.serviceTier, of("default").body.serviceTier, of("scale").losses]).toEqual(["flex", undefined, ["service_tier"]]);
  });

  it("tells how closely a medium is looked at where the other has a word for it", () => {
    const seen = (word: string) => ({ contents: [{ role: "user", parts: [{ inlineData: { mimeType: "image/png", data: "AAAA" }, mediaResolution: { level: `MEDIA_RESOLUTION_${word}` } }] }] });
    const three = { ...target, upstreamId: "gemini-3-pro" };
    for (const word of ["LOW", "MEDIUM", "HIGH", "ULTRA_HIGH"]) expect(geminiUpstream.renderRequest(client.parseRequest(seen(word)), three)).toEqual({ body: seen(word), losses: [] });
    expect(geminiUpstream.renderRequest(client.parseRequest(seen("LOW")), target).losses).toEqual(["image_detail"]);
    const told = (id: string, word: string) => {
      const { body, losses } = conversations.get(id)!.renderRequest(client.parseRequest(seen(word)), { ...target, origin: { protocol: id, provider: "p" } });
      return [/"detail":"(\w+)"/.exec(JSON.stringify(body))?.[1], losses];
    };
    expect(told("openai-chat", "HIGH")).toEqual(["high", []]);
    expect(told("openai-chat", "MEDIUM")).toEqual([undefined, ["image_detail"]]);
    expect(told("openai-responses", "UNSPECIFIED")).toEqual(["auto", []]);
    expect(told("openai-responses", "ULTRA_HIGH")).toEqual([undefined, ["image_detail"]]);
    expect(told("anthropic-messages", "LOW")).toEqual([undefined, ["image_detail"]]);
    const part = { type: "image_url", image_url: { url: "https://a.example/cat.png", detail: "high" } };
    const asked = openaiChat.conversation!.parseRequest({ model: "m", messages: [{ role: "user", content: [part] }] });
    expect(JSON.stringify(geminiUpstream.renderRequest(asked, three).body)).toContain('"mediaResolution":{"level":"MEDIA_RESOLUTION_HIGH"}');
  });

  const [cat, dog] = [{ mimeType: "image/png", data: "Y2F0" }, { mimeType: "image/jpeg", data: "ZG9n" }];
  const three = { ...target, upstreamId: "gemini-3-pro-image" };
  const drawn = [
    { text: "Here.", thoughtSignature: "c2ln" }, { inlineData: cat, thoughtSignature: "c2ln" }, { text: " And" }, { text: " this." }, { inlineData: dog, thoughtSignature: "c2lo" },
  ];
  const joined = [drawn[0], drawn[1], { text: " And this." }, drawn[4]];

  it.each([["chat completions", openaiChat], ["OpenRouter", openrouterChat]] as const)("takes back the pictures that it made, each with its signature in its place (%s)", (_, { conversation }) => {
    const chat = conversation!;
    const context = { origin: target.origin, idSeed: "seed" };
    const asked = chat.parseRequest({ model: "m", stream: true, messages: [{ role: "user", content: "Draw" }] });
    const rendering = { request: asked, requestId: "req_1", nowS: 1 };
    const answered = { candidates: [{ index: 0, finishReason: "STOP", content: { role: "model", parts: drawn } }] };
    const { choices } = JSON.parse(chat.renderResponse(geminiUpstream.parseResponse(answered, context), rendering).body) as { choices: { message: Record<string, unknown> }[] };
    const again = (message: object) => geminiUpstream.renderRequest(chat.parseRequest({ model: "m", messages: [{ role: "user", content: "Draw" }, message] }), three);
    expect(choices[0]!.message).toMatchObject({ content: "Here. And this.", images: [{ image_url: { url: "data:image/png;base64,Y2F0" } }, { image_url: { url: "data:image/jpeg;base64,ZG9n" } }] });
    expect(again(choices[0]!.message)).toEqual({ body: { contents: [{ role: "user", parts: [{ text: "Draw" }] }, { role: "model", parts: joined }] }, losses: [] });

    const renderer = chat.renderStream(rendering);
    const frames = eventsOf(geminiUpstream.parseResponse(answered, context)).map((event) => renderer.push(event)).join("") + renderer.end();
    const streamed = { role: "assistant", content: "", images: [] as unknown[], reasoning_details: [] as unknown[] };
    for (const [, json] of frames.matchAll(/^data: (\{.*)$/gm)) {
      const { content = "", images = [], reasoning_details: details = [] } = (JSON.parse(json!) as { choices: { delta: Partial<typeof streamed> }[] }).choices[0]?.delta ?? {};
      streamed.content += content;
      streamed.images.push(...images);
      streamed.reasoning_details.push(...details);
    }
    expect(again(streamed)).toEqual(again(choices[0]!.message));
  });

  it("takes pictures of others in the model's own turn, and says that nobody signed them", () => {
    const own = { type: "image_url", image_url: { url: "data:image/png;base64,Y2F0" } };
    const chat = openaiChat.conversation!.parseRequest({ model: "m", messages: [{ role: "user", content: "Draw" }, { role: "assistant", content: "Here.", images: [{ ...own, index: 0 }] }, { role: "user", content: "Bluer" }] });
    const called = { type: "image_generation_call", id: "ig_1", status: "completed", output_format: "png", result: "Y2F0" };
    const responses = openaiResponses.conversation!.parseRequest({ model: "m", input: [{ role: "user", content: "Draw" }, { role: "assistant", content: "Here." }, called, { role: "user", content: "Bluer" }] });
    for (const read of [chat, responses]) {
      expect(read.unread).toBeUndefined();
      const { body, losses } = geminiUpstream.renderRequest(read, three);
      expect(body.contents).toEqual([
        { role: "user", parts: [{ text: "Draw" }] },
        { role: "model", parts: [{ text: "Here." }, { inlineData: cat, thoughtSignature: "skip_thought_signature_validator" }] },
        { role: "user", parts: [{ text: "Bluer" }] },
      ]);
      expect(losses).toEqual([]);
      const router = conversations.get("openai-chat")!.renderRequest(read, { ...target, dialect: { routerFields: true }, origin: { protocol: "openai-chat", provider: "openrouter" } });
      expect(router.body.messages).toMatchObject([{}, { role: "assistant", content: "Here.", images: [own] }, {}]);
      expect(router.losses).toEqual([]);
    }
    expect(() => openaiChat.conversation!.parseRequest({ model: "m", messages: [{ role: "assistant", images: [{ image_url: {} }] }] })).toThrow("messages[0].images[0].image_url.url: must be a string");
  });

  it("keeps a picture's item as it is towards its own kind, and says what nobody else can be told of it", () => {
    const made = { type: "image_generation_call", id: "ig_1", status: "completed", result: "Y2F0", revised_prompt: "A cat", size: "1024x1024" };
    const read = openaiResponses.conversation!.parseRequest({ model: "m", input: [{ role: "user", content: "Draw" }, made, { type: "image_generation_call", id: "ig_2" }] });
    const openai = conversations.get("openai-responses")!.renderRequest(read, { ...target, origin: { protocol: "openai-responses", provider: "openai" } });
    expect(openai.body.input).toEqual([{ type: "message", role: "user", content: "Draw" }, made, { type: "image_generation_call", id: "ig_2" }]);
    expect(openai.losses).toEqual([]);
    expect(geminiUpstream.renderRequest(read, target).losses).toEqual(["provider_content"]);
  });

  it("gives a signature back to its own provider only", () => {
    const read = geminiUpstream.parseResponse(answer, context);
    const { body } = client.renderResponse(read, { request: client.parseRequest(request), requestId: "req_1", nowS: 1 });
    const content = (JSON.parse(body) as { candidates: { content: unknown }[] }).candidates[0]!.content;
    const again = client.parseRequest({ contents: [content] });
    expect(JSON.stringify(geminiUpstream.renderRequest(again, target).body)).toContain('"thoughtSignature":"c2ln"');
    const elsewhere = geminiUpstream.renderRequest(again, { ...target, origin: { ...context.origin, provider: "vertex" } });
    expect(elsewhere.losses).toContain("reasoning");
    expect(JSON.stringify(elsewhere.body)).not.toContain("thoughtSignature");
  });

  it("tells sources with their places in bytes, and how likely tokens were", () => {
    const text = "Grüße 🗼 aus Zürich";
    const told = {
      choices: [{
        parts: [{ type: "text" as const, text, citations: [{ url: "https://a.example/z", title: "Zürich", start: 13, end: 19, raw: { protocol: "openai-chat", value: {} } }], logprobs: [{ token: "Grüße", logprob: -0.5, top: [{ token: "Hallo", logprob: -2 }] }] }],
        finish: { unified: "stop" as const },
      }],
    };
    const { body, losses } = client.renderResponse(told, { request: client.parseRequest(request), requestId: "req_1", nowS: 1 });
    expect(losses).toEqual([]);
    const candidate = (JSON.parse(body) as { candidates: object[] }).candidates[0]!;
    expect(candidate).toMatchObject({
      groundingMetadata: {
        groundingChunks: [{ web: { uri: "https://a.example/z", title: "Zürich" } }],
        groundingSupports: [{ segment: { startIndex: 17, endIndex: 24, text: "Zürich" }, groundingChunkIndices: [0] }],
      },
      logprobsResult: { chosenCandidates: [{ token: "Grüße", logProbability: -0.5 }], topCandidates: [{ candidates: [{ token: "Hallo", logProbability: -2 }] }] },
    });
    const read = geminiUpstream.parseResponse(JSON.parse(body), context).choices[0]!.parts[0];
    expect(read).toMatchObject({ text, citations: [{ url: "https://a.example/z", start: 13, end: 19 }], logprobs: told.choices[0]!.parts[0]!.logprobs });
  });

  it("takes the dummy signature of Google's SDKs for none", () => {
    const parts = ["skip_thought_signature_validator", btoa("skip_thought_signature_validator")].map((thoughtSignature) => ({ functionCall: { id: "a", name: "get", args: {} }, thoughtSignature }));
    const [turn] = client.parseRequest({ contents: [{ role: "model", parts }] }).turns;
    expect(turn!.parts.map(({ type }) => type)).toEqual(["tool-call", "tool-call"]);
  });

  it("joins the texts of a stream and finishes behind the last part", () => {
    const stream = geminiUpstream.parseStream(context);
    const events: ChatEvent[] = [...stream.push({ data: JSON.stringify(answer) }), ...stream.end()];
    expect(collect(events)).toEqual(geminiUpstream.parseResponse(answer, context));
    expect(events.at(-1)).toEqual({ type: "finish", choice: 0, finish: { unified: "tool-calls", raw: "STOP" } });
    expect(collect(events).choices[0]!.parts.map(({ type }) => type)).toEqual(["reasoning", "text", "reasoning", "tool-call"]);
  });

  it("tells usage by class, audio by modality, and never less than nothing", () => {
    const told = (usage: Partial<Usage>): unknown => {
      const { body } = client.renderResponse({ choices: [{ parts: [{ type: "text", text: "a" }], finish: { unified: "stop" } }], usage: { ...noUsage, ...usage } }, { request: client.parseRequest(request), requestId: "req_1", nowS: 1 });
      return (JSON.parse(body) as { usageMetadata: unknown }).usageMetadata;
    };
    const usage = { inputTokens: 9, inputAudioTokens: 5, outputTokens: 8, reasoningTokens: 2, outputAudioTokens: 6, cachedTokens: 1 };
    expect(told(usage)).toEqual({
      promptTokenCount: 9, candidatesTokenCount: 6, totalTokenCount: 17, thoughtsTokenCount: 2, cachedContentTokenCount: 1,
      promptTokensDetails: [{ modality: "TEXT", tokenCount: 4 }, { modality: "AUDIO", tokenCount: 5 }],
      candidatesTokensDetails: [{ modality: "AUDIO", tokenCount: 6 }],
    });
    expect(parseUsage(told(usage))).toEqual({ ...noUsage, ...usage });
    expect(told({ inputTokens: 1, outputTokens: 3, reasoningTokens: 4 })).toEqual({ promptTokenCount: 1, candidatesTokenCount: 0, totalTokenCount: 4, thoughtsTokenCount: 3 });
  });

  it("streams one JSON array where no events were asked for", () => {
    const written = gemini("m", "streamGenerateContent", false)!.conversation!.renderStream({ request: client.parseRequest(request), requestId: "req_1", nowS: 1 });
    const stream = geminiUpstream.parseStream(context);
    const text = [...stream.push({ data: JSON.stringify(answer) }), ...stream.end()].map((event) => written.push(event)).join("") + written.end();
    expect((JSON.parse(text) as { usageMetadata?: object }[]).at(-1)!.usageMetadata).toEqual(answer.usageMetadata);
  });
});
