/** What the steps are told. Results of models stand between tags, and are told as what they are: text, and no instructions. */
import { mostTasks, type Task } from "./plan.ts";

export type Message = { readonly role: "system" | "user"; readonly content: string };
export type Result = { readonly task: Task; readonly text: string };

const told = (results: readonly Result[]): string => results.map(({ task, text }) => `<result task=${JSON.stringify(task.id)}>\n${text}\n</result>`).join("\n\n");
const asked = (message: string): string => `<request>\n${message}\n</request>`;

export const planner = (message: string): Message[] => [
  {
    role: "system",
    content: `You split work among language models. Decide whether the request is worth splitting: several independent parts, or research before writing. Most requests are not; then answer {"split":false,"tasks":[]}. Otherwise name 2 to ${mostTasks} tasks that together do the work, each complete in itself. "kind": quick (look-ups, short texts), general, hard (needs careful reasoning) or code. "needs": ids of tasks whose results it must see; without needs tasks run side by side. Do not answer the request. Answer with JSON only.`,
  },
  { role: "user", content: asked(message) },
];

export const worker = (message: string, task: Task, needed: readonly Result[], why?: string): Message[] => [
  { role: "system", content: "You do one part of a larger request. Others do the rest and somebody else writes the answer. Give the result of your part, complete and without introduction." },
  {
    role: "user",
    content: [`The whole request, for context:\n${asked(message)}`, ...(needed.length > 0 ? [`Results of earlier parts:\n${told(needed)}`] : []), `Your part:\n${task.instruction}`, ...(why ? [`Your first result was sent back: ${why}`] : [])].join("\n\n"),
  },
];

export const reviewer = (message: string, results: readonly Result[]): Message[] => [
  { role: "system", content: 'You check results before an answer is made of them. Name in "again" only tasks whose result is wrong, empty or beside the point, and why; nothing of taste. Usually none is. Answer with JSON only.' },
  { role: "user", content: `${asked(message)}\n\n${told(results)}` },
];

/** What the last step is asked, in one message: it is the client's own model that answers. */
export const writer = (message: string, results: readonly Result[]): string =>
  `Answer this request:\n${asked(message)}\n\nParts of the work are done. Use what is right in these results, put them together as one answer to the request, and do not mention them:\n\n${told(results)}`;
