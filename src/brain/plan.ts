/** How a task is split, as a model says it. Whatever a model writes, this reads it as a plan or as none. Pure. */
import * as z from "zod";
import { cut } from "./said.ts";

/** Kinds of work, and the alias whose models do it. `code` and `general` are the client's own model where it named one. */
export const kinds = { quick: "fast", general: "auto", hard: "reasoning", code: "reasoning" } as const;
export type Kind = keyof typeof kinds;

/** One piece of the work. `needs`: the pieces whose results it has to know, all of them before it. */
export type Task = { readonly id: string; readonly kind: Kind; readonly instruction: string; readonly needs: readonly string[] };

export const mostTasks = 6;
/** The longest instruction, and the longest reason why a result was sent back, bytes. */
export const instructionBytes = 16_000;
export const reasonBytes = 4_000;

/** The plan as a planner is asked for it. */
export const planJsonSchema = {
  type: "object", additionalProperties: false, required: ["split", "tasks"],
  properties: {
    split: { type: "boolean", description: "Whether the task is worth splitting." },
    tasks: {
      type: "array", maxItems: mostTasks,
      items: {
        type: "object", additionalProperties: false, required: ["id", "kind", "instruction", "needs"],
        properties: {
          id: { type: "string" }, kind: { type: "string", enum: Object.keys(kinds) }, instruction: { type: "string" },
          needs: { type: "array", items: { type: "string" }, description: "Ids of tasks whose results this one needs." },
        },
      },
    },
  },
} as const;

/** One name in one form, which no tokenizer makes longer. */
const word = z.union([z.string(), z.number()]).transform((name) => String(name).toWellFormed().normalize("NFKC"));
const taskSchema = z.object({
  id: word.pipe(z.string().min(1).max(64)),
  kind: z.enum(Object.keys(kinds) as [Kind, ...Kind[]]).catch("general"),
  instruction: z.string().trim().min(1).transform((text) => cut(text, instructionBytes)),
  needs: z.array(word).catch([]),
});
const planSchema = z.object({ split: z.boolean().default(true), tasks: z.array(z.unknown()).catch([]) });

/** The tasks that a planner's answer names, those they need before them; undefined: it does not split the work, or makes no sense. */
export function planIn(answer: string): Task[] | undefined {
  const plan = planSchema.safeParse(objectIn(answer));
  if (!plan.success || !plan.data.split) return undefined;
  const named = new Map<string, Task>();
  for (const one of plan.data.tasks.slice(0, mostTasks)) {
    const task = taskSchema.safeParse(one);
    if (task.success && !named.has(task.data.id)) named.set(task.data.id, task.data);
  }
  const tasks = inOrder([...named.values()]);
  return tasks.length > 1 ? tasks : undefined;
}

/** Each task behind those that it needs. Needs that nobody meets, or that go round in a circle, are none. */
function inOrder(tasks: readonly Task[]): Task[] {
  const placed: Task[] = [];
  const left = [...tasks];
  while (left.length > 0) {
    const ids = new Set(left.map(({ id }) => id));
    const at = left.findIndex(({ id, needs }) => !needs.some((need) => need !== id && ids.has(need)));
    const [task] = left.splice(Math.max(at, 0), 1);
    const before = new Set(placed.map(({ id }) => id));
    placed.push({ ...task!, needs: [...new Set(task!.needs)].filter((need) => before.has(need)) });
  }
  return placed;
}

/** So many opening braces of a text are tried, in so many characters of it. */
const mostTried = 50;
const mostRead = 100_000;

/** The first JSON object in a text, which may stand in a fence or among words. */
export function objectIn(whole: string): unknown {
  const text = whole.slice(0, mostRead);
  for (let from = text.indexOf("{"), tried = 0; from !== -1 && tried < mostTried; from = text.indexOf("{", from + 1), tried += 1) {
    try {
      return JSON.parse(text.slice(from, closing(text, from) + 1));
    } catch {
      // Not an object: the next one may be.
    }
  }
  return undefined;
}

/** Index of the brace that closes the one at `from`; the text's end where none does. */
function closing(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    const character = text[at];
    if (character === "{") depth += 1;
    else if (character === "}" && (depth -= 1) === 0) return at;
    else if (character === '"') for (at += 1; at < text.length && text[at] !== '"'; at += 1) if (text[at] === "\\") at += 1;
  }
  return text.length;
}

/** What a reviewer says of the results: tasks to do again, and why. */
export type Review = { readonly ok: boolean; readonly again: readonly { readonly task: string; readonly why: string }[] };
const reviewSchema = z.object({ ok: z.boolean().catch(true), again: z.array(z.object({ task: word, why: z.string().catch("").transform((text) => cut(text, reasonBytes)) })).catch([]) });

export const reviewJsonSchema = {
  type: "object", additionalProperties: false, required: ["ok", "again"],
  properties: {
    ok: { type: "boolean" },
    again: { type: "array", items: { type: "object", additionalProperties: false, required: ["task", "why"], properties: { task: { type: "string" }, why: { type: "string" } } } },
  },
} as const;

/** A reviewer's answer. One that makes no sense has nothing against the results. */
export function reviewIn(answer: string): Review {
  const review = reviewSchema.safeParse(objectIn(answer));
  return review.success ? review.data : { ok: true, again: [] };
}
