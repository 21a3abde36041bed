/** Writes tools, thinking and sampling of a request. https://docs.anthropic.com/en/api/messages */
import { budgetOf, type ChatRequest, type FunctionTool, type Loss, type Tool, type ToolChoice } from "../../chat/index.ts";
import type { Lose } from "./render-files.ts";
import type { Message } from "./render-turns.ts";
import { protocol, type Json } from "./words.ts";

export const renderTools = (tools: readonly FunctionTool[], lose: Lose): Json[] => tools.flatMap((tool) => renderTool(tool, lose));

function renderTool(tool: FunctionTool, lose: Lose): Json[] {
  if (tool.type === "opaque") {
    if (tool.protocol === protocol) return [{ ...(tool.value as Json) }];
    lose("provider_tool");
    return [];
  }
  const { name, description, parameters, strict, cache } = tool;
  return [{ name, ...(description !== undefined && { description }), input_schema: { ...parameters, type: "object" }, ...(strict && { strict }), ...(cache && { cache_control: { type: "ephemeral", ...cache } }) }];
}

/** Which tool may be called, and how many at once. Only sent with tools. */
export function renderToolChoice({ toolChoice, parallelTools, tools }: ChatRequest, lose: Lose): Json | undefined {
  const single = parallelTools === false && { disable_parallel_tool_use: true };
  if (toolChoice === undefined) return single ? { type: "auto", ...single } : undefined;
  if (toolChoice.type === "none") return { type: "none" };
  const { type, name } = toolChoice.type === "allowed" ? oneOrAll(toolChoice, tools, lose) : { name: undefined, ...toolChoice };
  if (name !== undefined) return { type: "tool", name, ...single };
  return { type: type === "required" ? "any" : "auto", ...single };
}

/** Messages has no list of allowed tools: it can force one, or leave all of them to the model. */
function oneOrAll({ mode, names }: Extract<ToolChoice, { type: "allowed" }>, tools: readonly Tool[], lose: Lose): { type: "auto" | "required"; name?: string } {
  if (mode === "required" && names.length === 1) return { type: mode, name: names[0]! };
  if (!tools.every((tool) => tool.type !== "opaque" && names.includes(tool.name))) lose("tool_choice");
  return { type: mode };
}

/** Least tokens of a thinking budget. https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking */
const leastBudget = 1_024;
const shown: Readonly<Record<string, string>> = { none: "omitted", auto: "summarized", concise: "summarized", detailed: "summarized" };
const levels: Readonly<Record<string, string>> = { minimal: "low", low: "low", medium: "medium", high: "high", xhigh: "xhigh", max: "max" };

/** Thinking, and the bound that holds it and the answer. */
export type Thinking = { maxTokens: number; thinking?: Json; effort?: string };

/**
 * An effort becomes a budget; a client that speaks Messages gets the words that it used. `messages` decide whether the vendor
 * takes thinking at all: not where the last answer calls tools without thoughts, and not where an answer shall be continued. Nor
 * does it think where a tool must be called: the call is what the client waits for.
 */
export function renderThinking({ reasoning = {}, toolChoice, tools, rest }: ChatRequest, bounds: { maxTokens: number; most: number | undefined }, messages: readonly Message[], lose: Lose): Thinking {
  const { effort, budgetTokens, adaptive, show } = reasoning;
  const { maxTokens, most = Infinity } = bounds;
  const display = show === undefined ? undefined : { display: shown[show] };
  const own = rest.protocol === protocol;
  const level = effort === undefined || effort === "none" ? undefined : levels[effort];
  if (adaptive) return { maxTokens, thinking: { type: "adaptive", ...display }, ...(level && { effort: level }) };
  if (budgetTokens === undefined && own && level) return { maxTokens, effort: level };
  if (budgetTokens === undefined && effort === undefined) {
    if (show !== undefined && show !== "none") lose("reasoning_display");
    return { maxTokens };
  }
  const budget = budgetTokens ?? budgetOf(effort!, maxTokens);
  if (budget <= 0) return { maxTokens, thinking: { type: "disabled" } };
  if (!takesThinking(messages) || (tools.length > 0 && isForced(toolChoice))) {
    lose("reasoning_effort");
    return { maxTokens };
  }
  // Where the model cannot write both the thoughts and the answer that were asked for, the thoughts are cut down.
  const raised = maxTokens > Math.max(leastBudget, budget) ? maxTokens : Math.max(Math.min(maxTokens + Math.max(leastBudget, budget), most), leastBudget + 1);
  const spent = Math.max(leastBudget, Math.min(budget, raised - 1));
  if (budgetTokens !== undefined && spent !== budgetTokens) lose("reasoning_budget");
  return { maxTokens: raised, thinking: { type: "enabled", budget_tokens: spent, ...display }, ...(own && level && { effort: level }) };
}

const isForced = (choice: ToolChoice | undefined): boolean => choice?.type === "required" || choice?.type === "tool" || (choice?.type === "allowed" && choice.mode === "required");
const isThought = ({ type }: Json): boolean => type === "thinking" || type === "redacted_thinking";

function takesThinking(messages: readonly Message[]): boolean {
  const last = messages.findLast(({ role }) => role === "assistant");
  if (last === undefined) return true;
  const thought = isThought(last.content[0] ?? {});
  return thought || (last !== messages.at(-1) && !last.content.some(({ type }) => type === "tool_use"));
}

/** Takes out what the vendor refuses while it thinks: https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking#feature-compatibility */
export function yieldToThinking(body: Json, lose: Lose): void {
  const drop = (field: string, loss: Loss): void => {
    delete body[field];
    lose(loss);
  };
  const { temperature, top_p: topP, top_k: topK } = body;
  if (temperature !== undefined && temperature !== 1) drop("temperature", "temperature");
  if (typeof topP === "number" && topP < 0.95) drop("top_p", "top_p");
  if (topK !== undefined) drop("top_k", "top_k");
}

/** The vendor takes a schema only if no object in it is open. */
export function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== "object" || schema === null) return schema;
  const entries = Object.entries(schema).map(([key, value]) => [key, key === "enum" || key === "const" || key === "default" || key === "required" ? value : closed(value)]);
  const same = Object.fromEntries(entries) as Json;
  return same.type === "object" && !("additionalProperties" in same) ? { ...same, additionalProperties: false } : same;
}
