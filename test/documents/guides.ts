/** The code that the guides print, by guide and line. */
import { readdirSync, readFileSync } from "node:fs";

export type Block = { readonly guide: string; readonly line: number; readonly kind: string; readonly text: string };

const folder = new URL("../../docs/guides/", import.meta.url);

export const guides = readdirSync(folder).sort().map((name) => ({ name: name.replace(/\.md$/, ""), text: readFileSync(new URL(name, folder), "utf8") }));

export const blocks: readonly Block[] = guides.flatMap(({ name, text }) =>
  [...text.matchAll(/^```(\w+)\n([^]*?)\n```$/gm)].map((found) => ({ guide: name, line: text.slice(0, found.index).split("\n").length, kind: found[1]!, text: found[2]! })));

/** Where the guides say this gateway is. */
export const printedOrigin = "https://forge.example";

/** What a route of a framework is called with, and how the guide says that its answer is read. */
export const routeCall = `
import { ChatCompletionStream } from "openai/lib/ChatCompletionStream";
const response = await POST(new Request("http://localhost/", { method: "POST", body: JSON.stringify({ messages: [{ role: "user", content: "Hello from Forge!" }] }) }));
console.log(await ChatCompletionStream.fromReadableStream(response.body!).finalContent());`;
