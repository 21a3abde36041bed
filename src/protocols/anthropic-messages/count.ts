/** Counts the tokens of a request without answering it. https://docs.anthropic.com/en/api/messages-count-tokens */
import type { ChatRequest } from "../../chat/index.ts";
import type { Target } from "../protocol.ts";
import { renderRequest } from "./render-request.ts";
import { record, type Json } from "./words.ts";

/** All that counting takes; the rest decides nothing about the prompt. */
const counted = ["model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control"];

/** The request as counting takes it. */
export function renderCount(request: ChatRequest, target: Target): Json {
  const { body } = renderRequest(request, target);
  return Object.fromEntries(Object.entries(body).filter(([field]) => counted.includes(field)));
}

/** `input_tokens`; undefined: the answer does not say. */
export function parseCount(body: unknown): number | undefined {
  const { input_tokens: count } = record(body);
  return typeof count === "number" && count >= 0 ? count : undefined;
}
