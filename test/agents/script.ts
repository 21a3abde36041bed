/**
 * The scripted model: it writes a file with a tool of the agent's own, reads it back in two ways at once, asks after the agent's
 * helpers where that has tools for them, and says so. It takes what the agent offers; an agent that offers nothing it knows gets no call.
 */
import { randomBytes } from "node:crypto";

/** A tool as the model is offered it. `fields`: of its input; undefined where it takes free text. */
export type Tool = { name: string; fields?: string[] };

/** A request as the model hears it: tools, results by call id, and what stands for its own thoughts of earlier turns. */
export type Heard = { tools: Tool[]; results: Map<string, string>; secrets: string[] };

/** `input` is JSON, or the free text itself where the tool takes such. */
export type Call = { id: string; tool: Tool; input: string };

/** One answer. `secret`: what stands for its thoughts. */
export type Turn = { thought: string; secret: string; text: string; calls: Call[] };

type Input = string | Record<string, string>;
type Move = Record<string, (script: Script) => Input>;

/** How each tool that runs commands is told to. */
const shells: Record<string, (command: string) => Input> = {
  Bash: (command) => ({ command, description: "Runs a step of the task" }),
  exec_command: (cmd) => ({ cmd }),
  exec: (cmd) => `const { output } = await tools.exec_command(${JSON.stringify({ cmd })});\ntext(output);`,
};

const inShell = (command: (script: Script) => string): Move =>
  Object.fromEntries(Object.entries(shells).map(([name, input]) => [name, (script: Script) => input(command(script))]));

const writes: Move = {
  Write: ({ path, content }) => ({ file_path: path, content }),
  apply_patch: ({ path, content }) => `*** Begin Patch\n*** Add File: ${path}\n${content.replace(/^(?=[^])/gm, "+")}*** End Patch\n`,
  ...inShell(({ path, content }) => `cat > '${path}' <<'END OF FILE'\n${content}END OF FILE`),
};
const reads: Move = { Read: ({ path }) => ({ file_path: path }), ...inShell(({ path }) => `wc -c < '${path}'`) };
const prints = inShell(({ path }) => `cat '${path}'`);

/** Tools in namespaces as those know them who have none. */
const helpers: Move = { collaboration__list_agents: () => ({}), multi_agent_v1__close_agent: () => ({ target: "00000000-0000-7000-8000-000000000000" }) };
const finds: Move = { tool_search: () => ({ query: "close an agent" }) };
const isOffered = (moves: Move, tools: readonly Tool[]): boolean => tools.some(({ name }) => name in moves);

/** What results of these tools say when the agent has known them. */
export const answers: Readonly<Record<string, string>> = { collaboration__list_agents: "/root", multi_agent_v1__close_agent: "not found", tool_search: "multi_agent_v1__close_agent" };

/** One task for one agent. */
export class Script {
  readonly path: string;
  readonly content = 'Grüße aus "東京" 🗼\n\ta tab, a back\\slash, $HOME and `ticks`\n  {"id": 12345678901234567890, "ratio": 1.0}\n';
  readonly sentence: string;
  readonly ids: { write: string; read: string; print: string; find: string; help: string };

  constructor(path: string, idPrefix: string) {
    const id = (): string => `${idPrefix}_${randomBytes(12).toString("hex")}`;
    this.path = path;
    this.sentence = `The file is there and reads well (${randomBytes(4).toString("hex")}).`;
    this.ids = { write: id(), read: id(), print: id(), find: id(), help: id() };
  }

  /** The task as its user puts it. */
  get prompt(): string {
    return `Write the lines you know into ${this.path}, read the file back and tell me how it reads.`;
  }

  /** The answer to a request: by how far the task is. A request without tools is one beside the task. */
  turn({ tools, results }: Heard): Turn {
    const { write, read, print, find, help } = this.ids;
    if (tools.length === 0) return this.say("Writing a file", []);
    if (!results.has(write)) return this.say("I write the file first.", [callOf(this, write, writes, tools)]);
    if (!results.has(read)) return this.say("Now I read it back.", [callOf(this, read, reads, tools), callOf(this, print, prints, tools)]);
    if (isOffered(finds, tools) && !results.has(find)) return this.say("Who can help?", [callOf(this, find, finds, tools)]);
    if ((results.has(find) || isOffered(helpers, tools)) && !results.has(help)) return this.say("Is anybody there?", [callOf(this, help, helpers, tools)]);
    return this.say(this.sentence, []);
  }

  private say(text: string, calls: Call[]): Turn {
    return { thought: "Let me see.", secret: randomBytes(48).toString("base64"), text, calls };
  }
}

/** The first of the moves whose tool is offered. Throws when there is none, or when the tool's input has other fields. */
function callOf(script: Script, id: string, moves: Move, tools: readonly Tool[]): Call {
  for (const [name, input] of Object.entries(moves)) {
    const tool = tools.find((offered) => offered.name === name);
    if (tool) return { id, tool, input: inputOf(tool, input(script)) };
  }
  throw new Error(`none of ${Object.keys(moves).join(", ")} among the tools: ${tools.map(({ name }) => name).join(", ")}`);
}

/** Free text is the one field of a tool that has been made a function of it. */
function inputOf({ name, fields }: Tool, input: Input): string {
  if (fields === undefined) return input as string;
  const named = typeof input === "string" ? { [fields[0]!]: input } : input;
  const unknown = Object.keys(named).filter((field) => !fields.includes(field));
  if (unknown.length > 0) throw new Error(`${name} takes ${fields.join(", ")}, not ${unknown.join(", ")}`);
  return JSON.stringify(named);
}

/** What a result says of the file must be this. Agents number lines or add words of their own, so each line is looked for. */
export const missingLines = ({ content }: Script, result: string): string[] => content.split("\n").filter((line) => !result.includes(line));
