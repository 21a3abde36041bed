/** Calls of tools that were functions with flat names to the provider (`flat-tools.ts`), as the client knows them. */
import type { ChatRequest, Part, ToolCallPart } from "./conversation.ts";
import { defined, type ChatEvent } from "./events.ts";
import { flatNames, toolsOf } from "./flat-tools.ts";

type Own = Pick<ToolCallPart, "name" | "namespace" | "custom" | "search">;
type Start = Extract<ChatEvent, { type: "tool-call-start" }>;

/** Of one answer. What the provider itself has said in the client's way stays as it is. */
export class OwnCalls {
  /** By flat name, those that have another name or form. */
  private readonly own = new Map<string, Own>();
  /** Inputs of custom calls that are being written, by choice: free text cannot be told from half a JSON string. */
  private readonly inputs = new Map<number, string>();

  constructor(request: ChatRequest) {
    const tools = toolsOf(request);
    const flat = flatNames(tools);
    for (const tool of tools) {
      if (tool.type === "opaque") continue;
      const { name, namespace } = tool;
      const form: Pick<Own, "custom" | "search"> = tool.type === "custom" ? { custom: true } : defined({ search: tool.search });
      if (namespace || form.custom || form.search) this.own.set(flat(name, namespace?.name), { name, ...defined({ namespace: namespace?.name }), ...form });
    }
  }

  /** Whether any call can be another to the client than to the provider. */
  get differ(): boolean {
    return this.own.size > 0;
  }

  /** A part of a whole answer. */
  part(part: Part): Part {
    const own = part.type === "tool-call" ? this.ownOf(part) : undefined;
    if (own === undefined) return part;
    const call = part as ToolCallPart;
    return { ...call, ...own, ...(own.custom && { input: freeText(call.input) }) };
  }

  /** The events for an event of a stream. A custom call's input comes at its end. */
  push(event: ChatEvent): ChatEvent[] {
    if (event.type === "tool-call-start") return [this.start(event)];
    if (event.type !== "tool-call-delta" && event.type !== "tool-call-end") return [event];
    const { at, choice } = event;
    const input = this.inputs.get(choice);
    if (input === undefined) return [event];
    if (event.type === "tool-call-delta") {
      this.inputs.set(choice, input + event.input);
      return [];
    }
    this.inputs.delete(choice);
    return [{ type: "tool-call-delta", at, choice, input: freeText(input) }, event];
  }

  private start(event: Start): Start {
    const own = this.ownOf(event);
    if (own?.custom) this.inputs.set(event.choice, "");
    return own ? { ...event, ...own } : event;
  }

  private ownOf({ name, namespace, custom }: Own): Own | undefined {
    return custom || namespace !== undefined ? undefined : this.own.get(name);
  }
}

/** The text inside `{"input": "…"}`, or inside an object with one string under another name; what is neither stays as it is. */
function freeText(input: string): string {
  try {
    const value = JSON.parse(input) as unknown;
    if (typeof value !== "object" || value === null) return input;
    const { input: named } = value as { input?: unknown };
    const texts = typeof named === "string" ? [named] : Object.values(value);
    return texts.length === 1 && typeof texts[0] === "string" ? texts[0] : input;
  } catch {
    return input;
  }
}
