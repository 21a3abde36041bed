/** Whom the recorded conversations are asked for: every provider that has some, in the protocol of its recordings. */
import { readFileSync } from "node:fs";
import type { Row } from "./column.ts";
import type { Upstream } from "./columns.ts";
import { modelFor, throughOpenai } from "./endpoints.ts";

/** By the folder of recordings: the protocol, which has to be named, for the client's own would pass through otherwise; and our provider for a recorded one. */
const folders: Readonly<Record<string, { protocol: string; through: (recorded: string) => string }>> = {
  chat: { protocol: "openai-chat", through: throughOpenai },
  responses: { protocol: "openai-responses", through: throughOpenai },
  messages: { protocol: "anthropic-messages", through: () => "anthropic" },
  generate_content: { protocol: "gemini-generate", through: (recorded) => (recorded === "vertex" ? recorded : "gemini") },
  converse: { protocol: "bedrock-converse", through: () => "bedrock" },
  cohere_chat: { protocol: "cohere-chat", through: () => "cohere" },
};

/** By `provider/folder`, as the recordings' index has them. */
export function upstreamsIn(index: string): Record<string, Upstream> {
  const rows = readFileSync(index, "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line) as Row);
  return Object.fromEntries(rows.flatMap(({ provider, endpoint }) => {
    const folder = folders[endpoint];
    return folder ? [[`${provider}/${endpoint}`, { model: modelFor(folder.through(provider), "{id}"), headers: { "x-forge-protocol": folder.protocol } }] as const] : [];
  }));
}
