import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { capabilities, capabilityBits, type Model } from "../../src/catalog/index.ts";
import { kindOf, lackOf, needBits, usualNeeds, type Needs } from "../../src/router/needs.ts";

const model = (over: Partial<Model> = {}): Model => {
  const one = { id: "m", owner: "o", kind: "chat" as const, inputModalities: ["text"], outputModalities: ["text"], capabilities: [] as readonly string[], responsesOnly: false, contextTokens: 1_000, maxOutputTokens: 100, releasedAt: null, ...over };
  return { ...one, can: capabilityBits(one.capabilities) };
};
const lacking = (needs: Partial<Needs>, of: Model | undefined = model(), id = "m") => lackOf(id, of, needBits({ ...usualNeeds, inputTokens: 1, ...needs }));

describe("a model lacks", () => {
  test("exactly what it has not, and the first of that is told (property)", () => {
    fc.assert(fc.property(fc.subarray([...capabilities]), fc.subarray([...capabilities]), (has, wants) => {
      const missing = capabilities.find((capability) => wants.includes(capability) && !has.includes(capability));
      expect(lacking({ capabilities: wants }, model({ capabilities: has }))).toBe(missing && `lacks_${missing}`);
    }));
  });
  test("nothing for words that nobody knows", () => expect(capabilityBits(["text", "responses_only", "tools"])).toBe(capabilityBits(["tools"])));
  test.each<[string, Partial<Needs>, Partial<Model>, string | undefined]>([
    ["room for the answer", { inputTokens: 950, outputTokens: 51 }, {}, "context"], ["no room to the brim", { inputTokens: 950, outputTokens: 50 }, {}, undefined],
    ["room for what is read", { inputTokens: 1_001 }, {}, "context"], ["no room that nobody counted", { inputTokens: 9e9 }, { contextTokens: null }, undefined],
    ["an answer as long", { outputTokens: 101 }, {}, "output_tokens"], ["no answer that just fits", { outputTokens: 100 }, {}, undefined], ["no bound that nobody knows", { outputTokens: 500 }, { maxOutputTokens: null }, undefined],
    ["pictures to answer in", { outputModalities: ["image"] }, {}, "output_modality"], ["no pictures when it has them", { outputModalities: ["image"] }, { outputModalities: ["text", "image"] }, undefined],
    ["being a model of that kind", { kind: "embedding" }, {}, "kind"], ["being one to talk to", {}, { kind: "embedding" }, "kind"],
    ["nothing when it stands in for another", { kind: "moderation", alsoKinds: ["moderation", "chat"] }, {}, undefined],
    ["what its stand-in needs, being made for it", { kind: "moderation", alsoKinds: ["moderation", "chat"], capabilities: ["json_schema"] }, { kind: "moderation" }, undefined],
    ["what it needs as a stand-in", { kind: "moderation", alsoKinds: ["moderation", "chat"], capabilities: ["json_schema"] }, {}, "lacks_json_schema"],
  ])("%s", (_, needs, of, lack) => expect(lacking(needs, model(of))).toBe(lack));
});

describe("a model that the catalog does not know", () => {
  test("lacks nothing but its kind", () => {
    const able = { capabilities: [...capabilities], outputModalities: ["image"], inputTokens: 9e9, outputTokens: 9e9 };
    expect(lackOf("mystery", undefined, needBits({ ...usualNeeds, ...able }))).toBeUndefined();
    expect(lackOf("nomic-embed-text", undefined, needBits({ ...usualNeeds, ...able }))).toBe("kind");
  });
  test.each(["nomic-embed-text:latest", "bge-m3", "BAAI/bge-large", "intfloat/e5-mistral", "thenlper/gte-base", "all-minilm:33m", "text-embedding-3-large", "mxbai-embed-large"])("embeds by the name %s", (id) => expect(kindOf(id, undefined)).toBe("embedding"));
  test.each([["bge-reranker-v2-m3", "rerank"], ["Systran/faster-whisper-small", "transcription"], ["kokoro", "speech"], ["hexgrad/tts-1", "speech"], ["black-forest-labs/flux.1-dev", "image"]] as const)(
    "is for what its name %s says", (id, kind) => expect(kindOf(id, undefined)).toBe(kind));
  test.each(["llama3.2", "qwen2.5:0.5b", "gemma-3", "mistral-nemo", "gpt-oss:20b"])("talks by the name %s", (id) => expect(kindOf(id, undefined)).toBe("chat"));
  test("is what the catalog says where it knows", () => expect(kindOf("embedder", model())).toBe("chat"));
});
