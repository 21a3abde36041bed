/** What crosses of reasoning: whose it is, and how effort and budget translate. */
import type { Effort, Origin, ReasoningPart } from "./conversation.ts";

/** Whether a block may be sent to `target` with its signature: it came from there. */
export const isFrom = (origin: Origin, target: Required<Origin>): boolean =>
  origin.protocol === target.protocol && (origin.provider === undefined || origin.provider === target.provider);

/** A block's thoughts as one text. */
export const textOf = ({ texts }: ReasoningPart): string => texts.join("\n\n");

/** Share of the output that an effort may spend on thinking. Source: OpenRouter's published rule, https://openrouter.ai/docs/use-cases/reasoning-tokens */
const shares: Record<Effort, number> = { none: 0, minimal: 0.1, low: 0.2, medium: 0.5, high: 0.8, xhigh: 0.95, max: 0.95 };
/** Least and most tokens of a thinking budget (Anthropic's least). */
const leastBudget = 1_024;
const mostBudget = 32_000;

/** The budget that stands for an effort. `maxOutputTokens` undefined: nobody bounds the answer. */
export function budgetOf(effort: Effort, maxOutputTokens: number | undefined): number {
  if (effort === "none") return 0;
  return Math.min(mostBudget, Math.max(leastBudget, Math.floor(shares[effort] * (maxOutputTokens ?? mostBudget))));
}

/** The effort that stands for a budget. */
export function effortOf(budgetTokens: number): Effort {
  if (budgetTokens <= 0) return "none";
  if (budgetTokens <= 4_096) return "low";
  return budgetTokens <= 16_384 ? "medium" : "high";
}
