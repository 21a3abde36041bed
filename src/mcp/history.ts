/** What of a conversation's input is about MCP, told to a model that knows only functions. Pure. */
import { isObject, list, objects, stringIn, type Json } from "../protocols/json.ts";
import { functionCall, functionOutput, textOf, type Call } from "./items.ts";
import { invalid, type ListedTool } from "./server.ts";

/** A question of an earlier answer, and what the client said to it. */
export type Approval = { readonly at: string; readonly call: Call & { readonly approval_request_id: string }; readonly approved: boolean };

type Answer = { readonly approve: boolean; readonly reason: string | undefined };

/** Whether an item of the input is about MCP at all. */
export const isAboutMcp = (item: unknown): boolean => isObject(item) && types.has(item.type);
const types: ReadonlySet<unknown> = new Set(["mcp_list_tools", "mcp_call", "mcp_approval_request", "mcp_approval_response"]);

const text = (item: Json, field: string, at: string): string => {
  const value = stringIn(item[field]);
  if (value === undefined) throw invalid(`${at}.${field}`, "must be a string");
  return value;
};

export class History {
  /** Tools by the label of their server, as an earlier answer listed them. */
  readonly lists = new Map<string, readonly ListedTool[]>();
  /** Questions that this request answers, and whose call is not among its items. */
  readonly answered: readonly Approval[];
  private readonly input: readonly unknown[];
  private readonly elsewhere: ReadonlySet<unknown>;
  /** Questions of those servers. */
  private readonly asked: ReadonlySet<unknown>;
  private readonly answers = new Map<string, Answer>();
  private readonly made = new Set<unknown>();

  /** `elsewhere`: labels of servers that are not ours; their items stay as they are. Throws `invalid_request`. */
  constructor(input: unknown, elsewhere: ReadonlySet<unknown>) {
    this.input = typeof input === "string" ? [{ type: "message", role: "user", content: input }] : list(input);
    this.elsewhere = elsewhere;
    const requests = objects(this.input).filter((item) => item.type === "mcp_approval_request");
    this.asked = new Set(requests.filter(({ server_label }) => elsewhere.has(server_label)).map(({ id }) => id));
    const asked: Approval[] = [];
    this.input.forEach((item, index) => {
      const at = `input[${index}]`;
      if (!this.isOurs(item)) return;
      if (item.type === "mcp_list_tools") this.lists.set(text(item, "server_label", at), listed(item.tools, at));
      if (item.type === "mcp_call" && item.approval_request_id != null) this.made.add(item.approval_request_id);
      if (item.type === "mcp_approval_response") {
        const id = text(item, "approval_request_id", at);
        const request = requests.find((one) => one.id === id);
        if (!request) throw invalid(`${at}.approval_request_id`, `there is no mcp_approval_request ${JSON.stringify(id.slice(0, 100))} among the input`);
        if (typeof item.approve !== "boolean") throw invalid(`${at}.approve`, "must be true or false");
        this.answers.set(id, { approve: item.approve, reason: stringIn(item.reason) });
        const where = `input[${this.input.indexOf(request)}]`;
        const call = { id, server_label: text(request, "server_label", where), name: text(request, "name", where), arguments: text(request, "arguments", where), approval_request_id: id };
        asked.push({ at, call, approved: item.approve });
      }
    });
    this.answered = asked.filter(({ call: { id } }, index) => !this.made.has(id) && asked.findIndex((one) => one.call.id === id) === index);
  }

  /**
   * The input as a model gets it, which knows each tool as `nameOf` says. `results`: what came of calls that are made now, by the question's
   * id. Calls that follow each other are one turn of the model's, and so are what it hears of them.
   */
  told(nameOf: (label: string, name: string) => string, results: ReadonlyMap<string, string>): unknown[] {
    const told: unknown[] = [];
    let outputs: Json[] = [];
    this.input.forEach((item, index) => {
      const at = `input[${index}]`;
      const said = this.isOurs(item) ? this.saidOf(item, results) : undefined;
      if (said !== undefined && isObject(item)) {
        const id = text(item, "id", at);
        told.push(functionCall(id, nameOf(text(item, "server_label", at), text(item, "name", at)), text(item, "arguments", at)));
        outputs.push(functionOutput(id, said));
      } else if (!this.isOurs(item)) {
        if (!isObject(item) || item.type !== "function_call") {
          told.push(...outputs);
          outputs = [];
        }
        told.push(item);
      }
    });
    return [...told, ...outputs];
  }

  private isOurs(item: unknown): item is Json {
    return isAboutMcp(item) && !this.elsewhere.has((item as Json).server_label) && !this.asked.has((item as Json).approval_request_id);
  }

  /** What the model is told of a call; undefined for what is none. */
  private saidOf(item: Json, results: ReadonlyMap<string, string>): string | undefined {
    if (item.type === "mcp_call") return textOf(item);
    if (item.type !== "mcp_approval_request" || this.made.has(item.id)) return undefined;
    const id = item.id as string;
    const answer = this.answers.get(id);
    if (!answer) return "Error: the user has not approved this call. It was not made.";
    return results.get(id) ?? `Error: the user refused this call. It was not made.${answer.reason ? ` Reason: ${answer.reason}` : ""}`;
  }
}

function listed(tools: unknown, at: string): ListedTool[] {
  return objects(tools).map((tool, index) => ({
    name: text(tool, "name", `${at}.tools[${index}]`), description: stringIn(tool.description) ?? null,
    input_schema: isObject(tool.input_schema) ? tool.input_schema : { type: "object", properties: {} }, annotations: isObject(tool.annotations) ? tool.annotations : null,
  }));
}
