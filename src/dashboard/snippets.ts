/** How each client is told of this gateway: copied and run as it stands. */

export type Snippet = { id: string; label: string; hint?: string; text: string };

/** `origin`: this gateway. `model`: what the first call asks for. */
export function snippetsOf({ origin, key, model }: { origin: string; key: string; model: string }): Snippet[] {
  return [
    { id: "curl", label: "curl", text: `curl ${origin}/v1/chat/completions \\
  -H "Authorization: Bearer ${key}" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "${model}", "messages": [{"role": "user", "content": "Hello"}]}'` },
    { id: "python", label: "Python", hint: "pip install openai", text: `from openai import OpenAI

client = OpenAI(base_url="${origin}/v1", api_key="${key}")
answer = client.chat.completions.create(
    model="${model}",
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.choices[0].message.content)` },
    { id: "node", label: "Node", hint: "npm install openai", text: `import OpenAI from "openai";

const client = new OpenAI({ baseURL: "${origin}/v1", apiKey: "${key}" });
const answer = await client.chat.completions.create({
  model: "${model}",
  messages: [{ role: "user", content: "Hello" }],
});
console.log(answer.choices[0].message.content);` },
    { id: "claude-code", label: "Claude Code", hint: "In your shell; add --model to choose another than Claude Code asks for.", text: `export ANTHROPIC_BASE_URL=${origin}
export ANTHROPIC_AUTH_TOKEN=${key}
claude` },
    { id: "codex", label: "Codex", hint: "In ~/.codex/config.toml; then export FORGE_KEY with your key and start codex.", text: `model = "${model}"
model_provider = "forge"

[model_providers.forge]
name = "Forge"
base_url = "${origin}/v1"
env_key = "FORGE_KEY"
wire_api = "responses"

# export FORGE_KEY=${key}` },
    { id: "langchain", label: "LangChain", hint: "pip install langchain-openai", text: `from langchain_openai import ChatOpenAI

model = ChatOpenAI(
    model="${model}",
    base_url="${origin}/v1",
    api_key="${key}",
)
print(model.invoke("Hello").content)` },
    { id: "ai-sdk", label: "Vercel AI SDK", hint: "npm install ai @ai-sdk/openai-compatible", text: `import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText } from "ai";

const forge = createOpenAICompatible({
  name: "forge",
  baseURL: "${origin}/v1",
  apiKey: "${key}",
});
const { text } = await generateText({ model: forge("${model}"), prompt: "Hello" });
console.log(text);` },
  ];
}

/** Paths and bodies of what is no conversation. */
const calls: Record<string, { path: string; body: (model: string) => string[] }> = {
  embedding: { path: "embeddings", body: (model) => [`-d '{"model": "${model}", "input": "Hello"}'`] },
  rerank: { path: "rerank", body: (model) => [`-d '{"model": "${model}", "query": "Where is it warm?", "documents": ["In the south.", "In the north."]}'`] },
  moderation: { path: "moderations", body: (model) => [`-d '{"model": "${model}", "input": "Hello"}'`] },
  speech: { path: "audio/speech", body: (model) => [`-d '{"model": "${model}", "input": "Hello", "voice": "alloy"}'`, "-o speech.mp3"] },
  image: { path: "images/generations", body: (model) => [`-d '{"model": "${model}", "prompt": "A house by the sea"}'`] },
  video: { path: "videos", body: (model) => [`-d '{"model": "${model}", "prompt": "A house by the sea"}'`] },
};

/** A call of a model by what it is for, with curl. */
export function callOf({ origin, key, model }: { origin: string; key: string; model: string }, kind: string): string {
  const head = (path: string): string[] => [`curl ${origin}/v1/${path}`, `-H "Authorization: Bearer ${key}"`];
  const call = calls[kind];
  const lines = call ? [...head(call.path), `-H "Content-Type: application/json"`, ...call.body(model)] : [...head("audio/transcriptions"), `-F model="${model}"`, "-F file=@speech.mp3"];
  return lines.join(" \\\n  ");
}
