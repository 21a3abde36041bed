/** An upstream that has every resource beside conversations, by an independent mock of the vendors' APIs. What it answers resources.py knows. */
import { LLMock } from "@copilotkit/aimock";

const picture = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const anything = /[^]*/;

/** Starts it. `vars`: what a gateway needs to reach it as three providers. */
export async function startResources(): Promise<{ mock: LLMock; vars: Record<string, string> }> {
  const mock = new LLMock({ port: 0, host: "127.0.0.1" });
  mock.onMessage(anything, { content: "Hello there." });
  mock.onEmbedding(anything, { embedding: [0.5, -0.25, 0.125, 1] });
  mock.onImage(anything, { image: { b64Json: picture } });
  mock.onSpeech(anything, { audio: Buffer.from("not really sound").toString("base64") });
  mock.onTranscription({ transcription: { text: "Hello there.", duration: 1 } });
  mock.onTranslation({ transcription: { text: "Hello there.", duration: 1 } });
  mock.onVideo(anything, { video: { id: "video_scripted", status: "completed", b64: Buffer.from("not really a film").toString("base64"), duration: 4 } });
  mock.onRerank(anything, [{ index: 1, relevance_score: 0.9 }]);
  const scores = Object.fromEntries(["violence", "violence/graphic"].map((category) => [category, 0.01]));
  mock.onModerate(anything, { flagged: false, categories: Object.fromEntries(Object.keys(scores).map((category) => [category, false])), category_scores: scores });
  const url = await mock.start();
  const key = "sk-scripted";
  return { mock, vars: { OPENAI_BASE_URL: `${url}/v1`, ANTHROPIC_BASE_URL: url, COHERE_BASE_URL: url, OPENROUTER_BASE_URL: `${url}/api/v1`, OPENROUTER_API_KEY: key, OPENAI_API_KEY: key, ANTHROPIC_API_KEY: key, COHERE_API_KEY: key } };
}
