/** What the playground's form means: the request that it sends, and the same as a program. Pure, so that the server makes it of the form too. */
import { awaitsResults, messagesOf, saidBy, type Turn } from "./turns.ts";

/** What is filled in. `images`: data URLs; `before`: the conversation that it goes on with. */
export type Wish = { model: string; prompt: string; system?: string; temperature?: string; tokens?: string; tools?: string; schema?: string; sovereign?: boolean; images?: readonly string[]; before?: readonly Turn[]; stream: boolean };

/** A field that cannot be sent, and why. */
export class Unsendable extends Error {
  readonly field: "model" | "prompt" | "temperature" | "tokens" | "tools" | "schema";

  constructor(field: Unsendable["field"], message: string) {
    super(message);
    this.field = field;
  }
}

type Json = Record<string, unknown>;

const blank = (text: string | undefined): boolean => (text ?? "").trim() === "";

function json(field: "tools" | "schema", text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Unsendable(field, `This is not JSON: ${(error as Error).message}`);
  }
}

function numberOf(field: "temperature" | "tokens", text: string, fits: (value: number) => boolean, message: string): number {
  const value = Number(text.trim());
  if (!Number.isFinite(value) || !fits(value)) throw new Unsendable(field, message);
  return value;
}

/** Tools as they are sent: one, or a list. */
function toolsOf(text: string): unknown[] {
  const said = json("tools", text);
  const list = Array.isArray(said) ? said : [said];
  if (list.some((tool) => typeof tool !== "object" || tool === null)) throw new Unsendable("tools", "A list of tools, each an object.");
  return list;
}

/** A schema by itself, or as it is sent: with its name. */
function formatOf(text: string): Json {
  const said = json("schema", text);
  if (typeof said !== "object" || said === null || Array.isArray(said)) throw new Unsendable("schema", "A JSON schema is an object.");
  const named = "schema" in said && "name" in said;
  return { type: "json_schema", json_schema: named ? said : { name: "answer", schema: said } };
}

/** The body of the request, of `/v1/chat/completions`. Throws Unsendable. */
export function bodyOf({ model, prompt, system, temperature, tokens, tools, schema, images = [], before = [], stream }: Wish): Json {
  if (blank(model)) throw new Unsendable("model", "Choose a model.");
  if (blank(prompt) && images.length === 0 && !awaitsResults(before)) throw new Unsendable("prompt", "Write something first.");
  return {
    model: model.trim(),
    messages: [...(blank(system) ? [] : [{ role: "system", content: system }]), ...before.flatMap(messagesOf), ...saidBy({ prompt, images })],
    ...(!blank(temperature) && { temperature: numberOf("temperature", temperature!, (value) => value >= 0 && value <= 2, "From 0 to 2.") }),
    ...(!blank(tokens) && { max_completion_tokens: numberOf("tokens", tokens!, (value) => Number.isSafeInteger(value) && value > 0, "A whole number above nothing.") }),
    ...(!blank(tools) && { tools: toolsOf(tools!) }),
    ...(!blank(schema) && { response_format: formatOf(schema!) }),
    ...(stream && { stream: true, stream_options: { include_usage: true } }),
  };
}

/** Headers of the request beside its key and its type. */
export const headersOf = ({ sovereign }: Pick<Wish, "sovereign">): Record<string, string> => (sovereign ? { "X-Sovereign": "true" } : {});

/** JSON as Python writes it. */
function python(value: unknown, indent = ""): string {
  const inner = `${indent}    `;
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return value.length === 0 ? "[]" : `[\n${value.map((one) => `${inner}${python(one, inner)},\n`).join("")}${indent}]`;
  if (typeof value === "object") {
    const entries = Object.entries(value);
    return entries.length === 0 ? "{}" : `{\n${entries.map(([name, one]) => `${inner}${JSON.stringify(name)}: ${python(one, inner)},\n`).join("")}${indent}}`;
  }
  return JSON.stringify(value);
}

export type Codes = { curl: string; python: string; node: string };

/** The request as programs: each reads its key from FORGE_KEY, and tells what comes. `origin`: the gateway. */
export function codesOf(origin: string, wish: Wish): Codes {
  const body = bodyOf(wish);
  const headers = Object.entries(headersOf(wish));
  const curl = [
    `curl ${wish.stream ? "-N " : ""}${origin}/v1/chat/completions`,
    `-H "Authorization: Bearer $FORGE_KEY"`, `-H "Content-Type: application/json"`, ...headers.map(([name, value]) => `-H "${name}: ${value}"`), "-d @- <<'JSON'",
  ].join(" \\\n  ");
  return {
    curl: `${curl}\n${JSON.stringify(body, null, 2)}\nJSON`,
    python: [
      "import os", "from openai import OpenAI", "", `client = OpenAI(base_url="${origin}/v1", api_key=os.environ["FORGE_KEY"])`, `request = ${python(body)}`,
      `answer = client.chat.completions.create(**request${headers.length > 0 ? `, extra_headers=${python(Object.fromEntries(headers))}` : ""})`,
      ...(wish.stream
        ? ["for chunk in answer:", "    for choice in chunk.choices:", '        print(choice.delta.content or "", end="", flush=True)']
        : ["print(answer.choices[0].message.to_json())"]),
    ].join("\n"),
    node: [
      'import OpenAI from "openai";', "", `const client = new OpenAI({ baseURL: "${origin}/v1", apiKey: process.env.FORGE_KEY });`,
      `const answer = await client.chat.completions.create(${JSON.stringify(body, null, 2)}${headers.length > 0 ? `, { headers: ${JSON.stringify(Object.fromEntries(headers))} }` : ""});`,
      ...(wish.stream
        ? ["for await (const chunk of answer) {", '  for (const { delta } of chunk.choices) process.stdout.write(delta.content ?? "");', "}"]
        : ["console.log(answer.choices[0].message);"]),
    ].join("\n"),
  };
}
