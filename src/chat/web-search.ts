/** A search of the web that a provider runs itself: a tool in nobody's words until a renderer has words of its provider's for it. */
import type { ChatRequest, Tool } from "./conversation.ts";

/** `only`, `never`: domains; `plugin`: as the client asked for it. */
export type WebSearch = { readonly most: number; readonly only?: readonly string[]; readonly never?: readonly string[]; readonly plugin: Readonly<Record<string, unknown>> };

const protocol = "web-search";

export const webSearchTool = (search: WebSearch): Tool => ({ type: "opaque", protocol, value: search });

const searchIn = (tool: Tool): WebSearch | undefined => (tool.type === "opaque" && tool.protocol === protocol ? (tool.value as WebSearch) : undefined);

/** The search that a request asks for. */
export const searchOf = ({ tools }: Pick<ChatRequest, "tools">): WebSearch | undefined => tools.map(searchIn).find((search) => search !== undefined);

/** The request with its search as a tool of a protocol's own. Where `write` has no words for it, it stays, and is lost as any foreign tool is. */
export function searchAs(request: ChatRequest, own: string, write: (search: WebSearch) => object | undefined): ChatRequest {
  const search = searchOf(request);
  const value = search && write(search);
  return value ? { ...request, tools: request.tools.map((tool) => (searchIn(tool) ? { type: "opaque", protocol: own, value } : tool)) } : request;
}
