/** A request's tools for protocols that have no namespaces, none that find others, or only functions. `OwnCalls` is the way back. */
import type { ChatRequest, OpaquePart, Part, Tool, ToolCallPart, ToolResultPart } from "./conversation.ts";
import type { Loss } from "./losses.ts";

export type FunctionTool = Exclude<Tool, { type: "custom" }>;
export type FunctionRequest = Omit<ChatRequest, "tools"> & { tools: FunctionTool[] };
export type NamedTool = Exclude<Tool, { type: "opaque" }>;

/** Longest name that every provider takes. */
const longest = 64;
/** OpenAI's namespace of what has none. */
const anonymous = "functions";

type Bringing = OpaquePart & { tools: Tool[] };
const brings = (part: Part): part is Bringing => part.type === "opaque" && part.tools !== undefined;
const isNamed = (tool: Tool): tool is NamedTool => tool.type !== "opaque";
const partsOf = ({ turns }: ChatRequest): Part[] => turns.flatMap(({ parts }) => parts);
const keyOf = (name: string, namespace: string | undefined): string => JSON.stringify([name, namespace]);

/** The request's tools, and those that its parts have brought, each once. */
export function toolsOf(request: ChatRequest): Tool[] {
  const brought = partsOf(request).flatMap((part) => (part.type === "tool-result" ? part.content : [part])).filter(brings).flatMap(({ tools }) => tools);
  const known = new Set(request.tools.filter(isNamed).map(({ name, namespace }) => keyOf(name, namespace?.name)));
  const added = brought.filter((tool) => {
    if (!isNamed(tool)) return true;
    const key = keyOf(tool.name, tool.namespace?.name);
    return !known.has(key) && known.add(key);
  });
  return [...request.tools, ...added];
}

/** Letters, digits, `_` and `-`, not beginning with a digit. The end is what tells long names apart. */
function flatName(name: string, namespace: string | undefined): string {
  if (namespace === undefined) return name;
  const full = namespace === anonymous ? name : `${namespace}__${name}`;
  return full.replace(/[^A-Za-z0-9_-]/g, "_").slice(-longest).replace(/^[^A-Za-z_]/, "_");
}

/** The names by which tools are known where there are no namespaces: no two are the same, and those without a namespace keep theirs. */
export function flatNames(tools: readonly Tool[]): (name: string, namespace: string | undefined) => string {
  const named = tools.filter(isNamed);
  const taken = new Set(named.flatMap(({ name, namespace }) => (namespace ? [] : [name])));
  const names = new Map<string, string>();
  const counts = new Map<string, number>();
  for (const { name, namespace } of named) {
    const key = keyOf(name, namespace?.name);
    if (!namespace || names.has(key)) continue;
    const word = flatName(name, namespace.name);
    let flat = word;
    for (let count = counts.get(word) ?? 2; taken.has(flat); count += 1) {
      flat = `${word.slice(0, longest - 1 - String(count).length)}_${count}`;
      counts.set(word, count + 1);
    }
    taken.add(flat);
    names.set(key, flat);
  }
  return (name, namespace) => names.get(keyOf(name, namespace)) ?? flatName(name, namespace);
}

const isFlatPart = (part: Part): boolean =>
  part.type === "tool-call" ? !part.namespace && !part.search : part.type === "tool-result" ? !part.content.some(brings) : !brings(part);

/** The same request without namespaces and searches: tools have flat names, and those that parts have brought are among them. */
export function flatTools(request: ChatRequest): ChatRequest {
  const isFlat = request.tools.every((tool) => !isNamed(tool) || (!tool.namespace && (tool.type === "custom" || !tool.search)));
  if (isFlat && partsOf(request).every(isFlatPart)) return request;
  const tools = toolsOf(request);
  const flat = flatNames(tools);
  const called = new Map<string, string>();
  const change = (part: Part): Part[] => {
    if (part.type === "tool-call") return [flatCall(part, flat, called)];
    if (part.type === "tool-result") return [flatResult(part, flat, called)];
    return brings(part) ? [] : [part];
  };
  const turns = request.turns.flatMap((turn) => {
    const parts = turn.parts.flatMap(change);
    return parts.length > 0 || turn.parts.length === 0 ? [{ ...turn, parts }] : [];
  });
  const { toolChoice: choice, ...rest } = request;
  const alike = Map.groupBy(tools.filter(isNamed), ({ name }) => name);
  const namesOf = (name: string): string[] => alike.get(name)?.map(({ namespace }) => flat(name, namespace?.name)) ?? [name];
  const toolChoice = choice?.type === "tool" ? { ...choice, name: namesOf(choice.name)[0]! } : choice?.type === "allowed" ? { ...choice, names: choice.names.flatMap(namesOf) } : choice;
  return { ...rest, turns, tools: flattened(tools, flat), ...(toolChoice && { toolChoice }) };
}

type Flat = ReturnType<typeof flatNames>;

/** A namespace's description goes with the first of its tools. */
function flattened(tools: readonly Tool[], flat: Flat): Tool[] {
  const described = new Set<string>();
  return tools.map((tool) => {
    if (!isNamed(tool)) return tool;
    const { namespace, search: _, ...own } = tool as NamedTool & { search?: true };
    if (!namespace) return own;
    const about = described.has(namespace.name) ? undefined : namespace.description;
    described.add(namespace.name);
    const description = [about, tool.description].filter(Boolean).join("\n\n");
    return { ...own, name: flat(tool.name, namespace.name), ...(description && { description }) };
  });
}

function flatCall(part: ToolCallPart, flat: Flat, called: Map<string, string>): ToolCallPart {
  const { namespace, search: _, ...call } = part;
  const name = flat(call.name, namespace);
  called.set(call.id, name);
  return { ...call, name };
}

function flatResult(part: ToolResultPart, flat: Flat, called: ReadonlyMap<string, string>): ToolResultPart {
  const name = called.get(part.id) ?? part.name;
  const content = part.content.map((one) => (brings(one) ? { type: "text" as const, text: told(one, flat) } : one));
  return { ...part, content, ...(name !== undefined && { name }) };
}

/** What a search has found, in words. The tools themselves are among the request's. */
function told({ tools }: Bringing, flat: Flat): string {
  const names = tools.filter(isNamed).map(({ name, namespace }) => flat(name, namespace?.name));
  return names.length > 0 ? `Tools that can be called now: ${names.join(", ")}` : "No tools were found.";
}

/** `flatTools`, and custom tools as functions of one string, `input`. */
export function functionTools(request: ChatRequest, lose: (loss: Loss) => void): FunctionRequest {
  const flat = flatTools(request);
  const parts = partsOf(flat);
  if (flat.tools.some(({ type }) => type === "custom") || parts.some((part) => part.type === "tool-call" && part.custom)) lose("custom_tool");
  const turns = parts.some((part) => "custom" in part) ? flat.turns.map((turn) => ({ ...turn, parts: turn.parts.map(functionPart) })) : flat.turns;
  return { ...flat, tools: flat.tools.map(functionOf), turns };
}

function functionOf(tool: Tool): FunctionTool {
  if (tool.type !== "custom") return tool;
  const { format, ...own } = tool;
  const { syntax, definition } = (format ?? {}) as { syntax?: unknown; definition?: unknown };
  const input = { type: "string", ...(typeof definition === "string" && { description: `In this ${String(syntax)} grammar:\n${definition}` }) };
  return { ...own, type: "function", parameters: { type: "object", properties: { input }, required: ["input"] } };
}

function functionPart(part: Part): Part {
  if ((part.type !== "tool-call" && part.type !== "tool-result") || !part.custom) return part;
  const { custom: _, ...own } = part;
  return own.type === "tool-call" ? { ...own, input: JSON.stringify({ input: own.input }) } : own;
}
