/** The tools of all servers as functions of the model's, each under a name of its own, and the way back. Pure. */
import { flatNames } from "../chat/index.ts";
import { filled, list, objects, record, type Json } from "../protocols/json.ts";
import type { ListedTool, Server } from "./server.ts";

export type Listed = { readonly server: Server; readonly tools: readonly ListedTool[] };
export type Known = { readonly server: Server; readonly tool: ListedTool };

const keyOf = (label: string, name: string): string => JSON.stringify([label, name]);
const isNamed = ({ type, name }: Json): boolean => (type === "function" || type === "custom") && filled(name) !== undefined;

export class Toolset {
  /** As Responses writes functions. */
  readonly functions: readonly Json[];
  /** What a tool is called by the model, also one that is no longer listed. */
  readonly nameOf: (label: string, name: string) => string;
  private readonly known: ReadonlyMap<string, Known>;
  private readonly listed: readonly Listed[];

  /** `others`: the request's other tools, which keep their names. */
  constructor(listed: readonly Listed[], others: readonly unknown[]) {
    const all = listed.flatMap(({ server, tools }) => tools.map((tool): Known => ({ server, tool })));
    const namespaced = all.map(({ server, tool }) => ({ type: "function" as const, name: tool.name, namespace: { name: server.label } }));
    const own = objects(others).filter(isNamed).map(({ name }) => ({ type: "function" as const, name: name as string }));
    const flat = flatNames([...own, ...namespaced]);
    this.listed = listed;
    this.nameOf = (label, name) => flat(name, label);
    this.known = new Map(all.map((one) => [flat(one.tool.name, one.server.label), one]));
    const first = new Set(listed.map(({ server, tools }) => keyOf(server.label, tools[0]?.name ?? "")));
    this.functions = all.map(({ server, tool }) => {
      const about = first.has(keyOf(server.label, tool.name)) ? server.description : undefined;
      const description = [about, tool.description].filter(Boolean).join("\n\n");
      return { type: "function", name: flat(tool.name, server.label), ...(description && { description }), parameters: tool.input_schema, strict: false };
    });
  }

  /** The tool that the model calls so. */
  find(name: unknown): Known | undefined {
    return typeof name === "string" ? this.known.get(name) : undefined;
  }

  /** A choice among tools as one among functions. */
  choice(choice: unknown): unknown {
    const { type, mode, tools } = record(choice);
    if (type === "mcp" && this.isListed(choice)) return { type: "allowed_tools", mode: "required", tools: this.chosen(record(choice)) };
    if (type !== "allowed_tools") return choice;
    return { type, mode, tools: list(tools).flatMap((tool) => (record(tool).type === "mcp" && this.isListed(tool) ? this.chosen(record(tool)) : [tool])) };
  }

  private isListed(choice: unknown): boolean {
    return this.listed.some(({ server }) => server.label === record(choice).server_label);
  }

  private chosen({ server_label, name }: Json): Json[] {
    return this.listed.filter(({ server }) => server.label === server_label)
      .flatMap(({ server, tools }) => tools.filter((tool) => name == null || tool.name === name).map((tool) => ({ type: "function", name: this.nameOf(server.label, tool.name) })));
  }
}
