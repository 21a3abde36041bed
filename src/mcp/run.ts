/** A response in which the model calls tools of MCP servers: turn by turn, until it answers without. */
import { GatewayError } from "../errors.ts";
import { Requests, type RequestContext, type Serve } from "../pipeline/index.ts";
import { list, record, type Json } from "../protocols/json.ts";
import { seedOf } from "../protocols/openai-responses/render-items.ts";
import type { Protocol } from "../protocols/protocol.ts";
import { Connection } from "./connection.ts";
import type { History } from "./history.ts";
import { functionOutput, textOf, type Call, type Outcome } from "./items.ts";
import { repeatable, Round, type Made } from "./round.ts";
import { invalid, isOurs, withoutSecrets, type ListedTool, type Server } from "./server.ts";
import { Telling } from "./telling.ts";
import { Toolset } from "./toolset.ts";

/** What is asked for: the body as it was sent, its servers, and what of its input is about them. */
export type Asked = { readonly body: Json; readonly servers: readonly Server[]; readonly history: History };

/** The model is asked so often for one response; in its last turn it has no tools of servers. */
const mostRounds = 32;
/** Calls of one response where the request sets no bound. */
const mostCalls = 128;
/** Calls under way at once: an isolate has six connections. */
const abreast = 4;

type Listed = { readonly server: Server; readonly tools: readonly ListedTool[]; readonly fresh: boolean };
type Done = { readonly call: Call; readonly outcome: Outcome };

export class Run {
  readonly requests: Requests;
  readonly telling: Telling;
  /** Something was done that must not be done again. */
  acted = false;
  private readonly context: RequestContext;
  private readonly asked: Asked;
  private readonly others: readonly unknown[];
  private readonly connections: ReadonlyMap<string, Connection>;
  private listed: readonly Listed[] = [];
  private toolset: Toolset = new Toolset([], []);
  private approved: readonly Done[] = [];
  private input: unknown[] = [];
  private callsLeft: number;
  private rounds = 0;

  constructor(context: RequestContext, protocol: Protocol, serve: Serve, asked: Asked) {
    const { body, servers } = asked;
    this.context = context;
    this.asked = asked;
    this.others = list(body.tools).filter((tool) => !isOurs(tool));
    this.requests = new Requests(context, protocol, serve);
    const { UPSTREAM_CONNECT_TIMEOUT_MS: listMs, UPSTREAM_FIRST_BYTE_TIMEOUT_MS: callMs } = context.isolate.settings;
    this.connections = new Map(servers.map((server) => [server.label, new Connection(server, context.request.signal, { listMs, callMs })]));
    this.callsLeft = Math.min(mostCalls, typeof body.max_tool_calls === "number" ? body.max_tool_calls : mostCalls);
    const echoes = servers.map(({ echo }) => echo);
    this.telling = new Telling(body.stream === true, {
      tools: list(body.tools).map((tool) => (isOurs(tool) ? echoes.shift() : withoutSecrets(tool))),
      ...("tool_choice" in body && { tool_choice: body.tool_choice ?? "auto" }),
      ...("max_tool_calls" in body && { max_tool_calls: body.max_tool_calls }),
      ...("max_output_tokens" in body && { max_output_tokens: body.max_output_tokens }),
    });
  }

  /** Lists the servers' tools and makes the calls that were approved. Throws what keeps the model from being asked. */
  async prepare(): Promise<void> {
    const { servers, history } = this.asked;
    this.listed = await Promise.all(servers.map(async (server): Promise<Listed> => {
      const before = history.lists.get(server.label)?.filter(server.allows);
      return { server, tools: before ?? (await this.connections.get(server.label)!.list()), fresh: before === undefined };
    }));
    this.toolset = new Toolset(this.listed, this.others);
    for (const { at, call } of history.answered) {
      const known = this.toolset.find(this.toolset.nameOf(call.server_label, call.name));
      if (known?.tool.name !== call.name || known.server.label !== call.server_label) throw invalid(at, `${call.name.slice(0, 100)} is no tool of the request's MCP servers`);
    }
    const calls = history.answered.flatMap(({ approved, call }, index) => (approved ? [{ ...call, id: this.idOf("mcp", `a${index}`) }] : []));
    this.approved = await this.make(calls);
    const results = new Map(this.approved.map(({ call, outcome }) => [call.approval_request_id!, textOf(outcome)]));
    this.input = history.told(this.toolset.nameOf, results);
  }

  /** Asks the model for its next turn. */
  async ask(): Promise<{ response: Response; round: Round }> {
    this.rounds += 1;
    const round = new Round(this.telling, this.toolset, (prefix, index) => this.idOf(prefix, index), () => this.tellBeginning());
    return { response: await this.requests.ask(JSON.stringify(this.body())), round };
  }

  /** After a turn: makes its calls. Whether the model is asked again; if not, the response is ended, and this is the whole. */
  async after(round: Round, tell: () => Promise<void> = async () => {}): Promise<Json | undefined> {
    const { ended } = round;
    if (!ended) throw new GatewayError("upstream_error", "The answer broke off.");
    this.telling.used(ended.response.usage);
    if (ended.end !== "completed" || round.calls.length === 0) {
      round.close();
      return this.telling.end(ended.end, ended.response);
    }
    const outcomes = await this.makeAll(round.calls, tell);
    if (round.waits || this.context.request.signal.aborted) return this.telling.end("completed", ended.response);
    const outputs = outcomes.map((outcome, index) => functionOutput(round.calls[index]!.item.call_id as string, textOf(outcome)));
    this.input = [...this.input, ...repeatable(round.said), ...outputs];
    const left = this.tokensLeft();
    return left !== undefined && left <= 0 ? this.telling.end("incomplete", { ...ended.response, incomplete_details: { reason: "max_output_tokens" } }) : undefined;
  }

  /** Nothing more is asked of anybody. */
  close(): void {
    this.requests.end();
    this.context.waitUntil(Promise.all([...this.connections.values()].map((connection) => connection.close())));
  }

  private idOf(prefix: string, index: number | string): string {
    return `${prefix}_${seedOf(this.context.requestId)}_${index}`;
  }

  /** What stands in the output before the model's first item. */
  private tellBeginning(): void {
    this.listed.forEach(({ server, tools, fresh }, index) => {
      if (fresh) this.telling.listed({ id: this.idOf("mcpl", index), type: "mcp_list_tools", server_label: server.label, tools, error: null });
    });
    for (const { call, outcome } of this.approved) this.telling.called(call, this.telling.calling(call), outcome);
  }

  private body(): Json {
    const { body } = this.asked;
    const { tools: _, tool_choice, max_tool_calls, max_output_tokens, include, ...rest } = body;
    const bare = this.callsLeft <= 0 || this.rounds >= mostRounds;
    const tools = bare && this.others.length > 0 ? this.others : [...this.others, ...this.toolset.functions];
    const free = tool_choice === "none" || (bare && this.others.length === 0) ? "none" : "auto";
    const choice = bare || (this.rounds > 1 && forces(tool_choice)) ? free : this.toolset.choice(tool_choice);
    const runsOthers = this.others.some((tool) => !["function", "custom", "namespace"].includes(record(tool).type as string));
    const thinks = record(body.reasoning).effort != null && record(body.reasoning).effort !== "none";
    return {
      ...rest,
      input: this.input,
      ...(tools.length > 0 && { tools, ...(choice !== undefined && { tool_choice: choice }) }),
      ...(max_tool_calls !== undefined && runsOthers && { max_tool_calls }),
      ...(max_output_tokens !== undefined && { max_output_tokens: this.tokensLeft() ?? max_output_tokens }),
      ...((include !== undefined || thinks) && { include: [...new Set([...list(include), ...(thinks ? ["reasoning.encrypted_content"] : [])])] }),
    };
  }

  /** Of the output that the request allows; undefined: it sets no bound, or nobody has counted. */
  private tokensLeft(): number | undefined {
    const { max_output_tokens: most } = this.asked.body;
    const used = this.telling.usage === undefined ? 0 : this.telling.usage?.output_tokens;
    return typeof most === "number" && typeof used === "number" ? most - used : undefined;
  }

  /** Makes a turn's calls; those beyond the request's bound are told that they were not made. */
  private async makeAll(calls: readonly Made[], tell: () => Promise<void>): Promise<Outcome[]> {
    const granted = calls.slice(0, Math.max(0, this.callsLeft));
    const tellOne = async ({ call, output_index }: Made, outcome: Outcome): Promise<void> => {
      this.telling.called(call, output_index, outcome);
      await tell();
    };
    const made = await this.make(granted.map(({ call }) => call), (outcome, index) => tellOne(granted[index]!, outcome));
    const refused: Outcome = { output: null, error: { type: "mcp_protocol_error", code: -32_000, message: "Too many tool calls for one response: this one was not made." } };
    const others = calls.slice(granted.length);
    for (const one of others) await tellOne(one, refused);
    return [...made.map(({ outcome }) => outcome), ...others.map(() => refused)];
  }

  private async make(calls: readonly Call[], done: (outcome: Outcome, index: number) => Promise<void> = async () => {}): Promise<Done[]> {
    if (calls.length > 0) this.acted = true;
    this.callsLeft -= calls.length;
    const made: Done[] = [];
    let next = 0;
    const work = async (): Promise<void> => {
      for (let index = next++; index < calls.length; index = next++) {
        const call = calls[index]!;
        const outcome = await this.connections.get(call.server_label)!.call(call.name, call.arguments);
        made[index] = { call, outcome };
        await done(outcome, index);
      }
    };
    await Promise.all(Array.from({ length: Math.min(abreast, calls.length) }, work));
    return made;
  }
}

/** Whether a choice makes the model call something: once is what was asked for. */
const forces = (choice: unknown): boolean =>
  choice === "required" || (typeof choice === "object" && choice !== null && !["auto"].includes(record(choice).mode as string));
