/** A conversation with one model, turn by turn, as the messages that it is sent back as. Pure. */
import type { Answer } from "./answer.ts";

/** What was asked and answered. `prompt`: empty where only tools' results were sent. `results`: what was given for the answer's calls, one for each; empty where nothing was. */
export type Turn = { readonly prompt: string; readonly images: readonly string[]; readonly answer: Answer; readonly results: readonly string[] };

type Message = Record<string, unknown>;

/** What a person says, if they say anything. */
export function saidBy({ prompt, images }: Pick<Turn, "prompt" | "images">): Message[] {
  const text = prompt.trim() === "" ? [] : [{ type: "text", text: prompt }];
  if (text.length + images.length === 0) return [];
  return [{ role: "user", content: images.length === 0 ? prompt : [...text, ...images.map((url) => ({ type: "image_url", image_url: { url } }))] }];
}

/** A turn that is over. What a provider signed goes back to it as it came. */
export function messagesOf({ answer: { text, calls, details }, results, ...asked }: Turn): Message[] {
  const called = calls.map(({ id, name, arguments: args, more }, i) => ({ ...more, id: id ?? `call_${i}`, type: "function", function: { name, arguments: args } }));
  return [
    ...saidBy(asked),
    { role: "assistant", content: text === "" && called.length > 0 ? null : text, ...(called.length > 0 && { tool_calls: called }), ...(details.length > 0 && { reasoning_details: details }) },
    ...called.map(({ id }, i) => ({ role: "tool", tool_call_id: id, content: results[i] ?? "" })),
  ];
}

/** Whether a model waits for what its tools say. */
export const awaitsResults = (turns: readonly Turn[]): boolean => (turns.at(-1)?.answer.calls.length ?? 0) > 0;

/** What of an answer can be gone on from: undefined where nothing was said. What broke off calls nobody. */
export function keptOf({ problem, ...answer }: Answer, whole: boolean): Answer | undefined {
  const calls = whole && problem === undefined ? answer.calls.filter(Boolean) : [];
  return answer.text === "" && calls.length === 0 ? undefined : { ...answer, calls, ...(calls.length < answer.calls.length && { details: [] }) };
}
