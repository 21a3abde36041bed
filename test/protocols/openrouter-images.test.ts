/** A ratio, a resolution and pictures to begin from in the words of each maker, and what of them is lost. OpenAI's families: test/conformance. */
import { expect, test } from "vitest";
import { imageAbilities, openrouterImages, openrouterImagesFor } from "../../src/protocols/index.ts";
import type { CrossingContext } from "../../src/protocols/protocol.ts";
import { SentFile } from "../../src/protocols/crossing.ts";

const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const references = (n: number) => ({ input_references: Array.from({ length: n }, () => ({ type: "image_url", image_url: { url: `data:image/png;base64,${png}` } })) });

function rendered(id: string, upstreamId: string, asked: Record<string, unknown>): { said: Record<string, unknown>; losses: readonly string[] } {
  const json = { model: "m", prompt: "p", provider: { order: ["x"] }, models: ["n"], ...asked };
  const { crossings = [] } = openrouterImagesFor(json);
  const context: CrossingContext = { json, facts: openrouterImages.parse(json), upstreamId, provider: "Them", requestId: "req_1", nowS: 1 };
  const { body, losses } = crossings.find((one) => one.id === id)!.render(context);
  const said = typeof body === "string" ? JSON.parse(body) as Record<string, unknown> : "form" in body ? Object.fromEntries(Object.entries(body.form).map(([name, value]) => [name, value instanceof SentFile ? value.bytes : value])) : {};
  return { said, losses: [...losses].sort() };
}

test.each<[string, string, Record<string, unknown>, Record<string, unknown>, string[]]>([
  ["google-images", "gemini-2.5-flash-image", { aspect_ratio: "16:9", resolution: "2K" }, { generationConfig: { responseModalities: ["TEXT", "IMAGE"], imageConfig: { aspectRatio: "16:9" } } }, ["field:resolution"]],
  ["google-images", "gemini-3-pro-image", { size: "4k" }, { generationConfig: { responseModalities: ["TEXT", "IMAGE"], imageConfig: { imageSize: "4K" } } }, []],
  ["google-images", "gemini-3-pro-image", { aspect_ratio: "8:1", resolution: "512" }, { generationConfig: { responseModalities: ["TEXT", "IMAGE"], imageConfig: { aspectRatio: "21:9" } } }, ["field:aspect_ratio", "field:resolution"]],
  ["google-images", "imagen-4.0-generate-001", { aspect_ratio: "3:4", resolution: "4K" }, { parameters: { sampleCount: 1, aspectRatio: "3:4", sampleImageSize: "2K" } }, ["field:resolution"]],
  ["flux-images", "flux-2-pro", { aspect_ratio: "16:9", resolution: "1K" }, { width: 1360, height: 768 }, []],
  ["flux-images", "flux-2-pro", { resolution: "4K" }, { width: 2048, height: 2048 }, ["field:resolution"]],
  ["flux-images", "flux-pro-1.1", { aspect_ratio: "2:1", resolution: "2K" }, { width: 1440, height: 720 }, ["field:resolution"]],
  ["flux-images", "flux-kontext-pro", { aspect_ratio: "16:9", resolution: "2K" }, { aspect_ratio: "16:9" }, ["field:resolution"]],
  ["stability-images", "sd3.5-large", { aspect_ratio: "2:3", resolution: "1K" }, { aspect_ratio: "2:3" }, []],
  ["stability-images", "sd3.5-large", { aspect_ratio: "4:3", resolution: "2K", background: "opaque" }, { aspect_ratio: "5:4" }, ["field:aspect_ratio", "field:background", "field:resolution"]],
  ["bedrock-images", "amazon.nova-canvas-v1:0", { aspect_ratio: "1:1", resolution: "2K", seed: 2 }, { imageGenerationConfig: { numberOfImages: 1, width: 2048, height: 2048, seed: 2 } }, []],
  ["bedrock-images", "amazon.nova-canvas-v1:0", { aspect_ratio: "1:1", resolution: "4K" }, { imageGenerationConfig: { numberOfImages: 1 } }, ["field:aspect_ratio", "field:resolution"]],
  ["bedrock-images", "stability.sd3-5-large-v1:0", { aspect_ratio: "9:16", resolution: "2K" }, { aspect_ratio: "9:16" }, ["field:resolution"]],
  ["fireworks-images", "accounts/fireworks/models/flux-1-dev-fp8", { aspect_ratio: "3:2", resolution: "512" }, { aspect_ratio: "3:2" }, ["field:resolution"]],
  ["workers-images", "@cf/leonardo/phoenix-1.0", { aspect_ratio: "16:9", resolution: "512" }, { width: 688, height: 384 }, []],
  ["workers-images", "@cf/black-forest-labs/flux-1-schnell", { aspect_ratio: "16:9" }, { prompt: "p" }, ["field:aspect_ratio"]],
  ["openai-images", "black-forest-labs/FLUX.1-schnell", { aspect_ratio: "16:9", resolution: "4K" }, { size: "5456x3072" }, []],
  ["openai-images", "grok-imagine-image", { aspect_ratio: "21:9", resolution: "4K", background: "opaque" }, { aspect_ratio: "20:9", resolution: "2k" }, ["field:aspect_ratio", "field:background", "field:resolution"]],
])("%s hears of %s what can be said there: %j", (id, upstreamId, asked, body, losses) => {
  const { said, losses: lost } = rendered(id, upstreamId, asked);
  expect(said).toMatchObject(body);
  expect(Object.keys(said)).not.toContain("provider");
  expect(lost).toEqual(losses);
});

test("pictures to begin from: how many of them are heard", () => {
  expect(rendered("stability-images", "sd3.5-large", references(2))).toMatchObject({ said: { image: 70, mode: "image-to-image" }, losses: ["field:input_references"] });
  expect(rendered("flux-images", "flux-2-pro", references(2)).said).toMatchObject({ input_image: png, input_image_2: png });
  expect(rendered("bedrock-images", "amazon.nova-canvas-v1:0", references(1)).said).toMatchObject({ taskType: "IMAGE_VARIATION" });
  const abilities = (...args: Parameters<typeof imageAbilities>) => imageAbilities(...args).parameters.input_references;
  expect([abilities(["stability-images"], "sd3.5-large"), abilities(["flux-images"], "flux-2-pro"), abilities(["google-images"], "imagen-4.0-generate-001"), abilities(["workers-images"], "@cf/leonardo/phoenix-1.0"), abilities(["openrouter-images"], "x")])
    .toEqual([{ type: "range", min: 0, max: 1 }, { type: "range", min: 0, max: 16 }, undefined, undefined, undefined]);
});

test("an answer that came in pieces of frames, with what is no event, is told event by event", () => {
  const json = { model: "m", prompt: "p", stream: true };
  const context: CrossingContext = { json, facts: openrouterImages.parse(json), upstreamId: "gpt-image-2", provider: "Them", requestId: "req_1", nowS: 9, cost: () => ({ usd: 0.5 }), own: true };
  const observer = openrouterImages.crossings!.find((one) => one.id === "openai-images")!.watch!(context);
  const frames = [": ping\n\n", "data: [DONE]\n\n", "data: nothing\n\n", 'data: {"type":"image_generation.started"}\n\n', 'data: {"type":"image_generation.partial_image","url":"https://a.example/"}\n\n', `data: {"type":"image_generation.completed","b64_json":"${png}","usage":{"input_tokens":1,"output_tokens":2}}\r\n\r\n`];
  const events = frames.map((frame) => observer.push(frame)).join("").split("\n\n").filter(Boolean).map((frame) => JSON.parse(frame.slice(frame.indexOf("data: ") + 6)) as unknown);
  expect(events).toEqual([{ type: "image_generation.completed", b64_json: png, media_type: "image/png", created: 9, usage: expect.objectContaining({ prompt_tokens: 1, completion_tokens: 2, total_tokens: 3, cost: 0.5, is_byok: true }) }]);
  expect(observer.seen).toMatchObject({ terminated: true, usage: { inputTokens: 1, outputTokens: 2, pieces: { image: 1 } } });
});
