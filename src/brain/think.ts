/** The steps of brain mode, in their order. Knows no network: a step is a question to `ask`, and nothing that one says can break it. */
import { planIn, planJsonSchema, reviewIn, reviewJsonSchema, kinds, type Task } from "./plan.ts";
import { cut, mostBytes } from "./said.ts";
import { planner, reviewer, worker, type Message, type Result } from "./words.ts";

/** One question to a model. `schema`: the JSON that is wanted. */
export type Question = { readonly step: string; readonly model: string; readonly messages: readonly Message[]; readonly maxTokens: number; readonly schema?: object };
/** Its answer; undefined: none came, or there was no money or time left for it. */
export type Ask = (question: Question) => Promise<string | undefined>;

/** Most output tokens of a step of each kind. */
export const stepTokens = { plan: 1_500, task: 4_096, review: 800 } as const;

export type Thinking = { readonly message: string; /** The model that the client named. */ readonly model: string | undefined; readonly ask: Ask; readonly timeLeft: () => boolean };

/** What the parts of the work came to; undefined: the request is better answered as it is, or nothing came of splitting it. */
export async function think({ message, model, ask, timeLeft }: Thinking): Promise<Result[] | undefined> {
  const modelFor = ({ kind }: Task): string => (kind === "general" || kind === "code" ? (model ?? kinds[kind]) : kinds[kind]);
  const planned = await ask({ step: "plan", model: kinds.quick, messages: planner(message), maxTokens: stepTokens.plan, schema: planJsonSchema });
  const tasks = planned === undefined ? undefined : planIn(planned);
  if (!tasks) return undefined;
  const running = new Map<string, Promise<Result | undefined>>();

  /** A task starts when all that it needs is there. */
  async function run(task: Task): Promise<Result | undefined> {
    const needed = (await Promise.all(task.needs.map((id) => running.get(id)))).filter((one) => one !== undefined);
    return perform(task, needed);
  }

  async function perform(task: Task, needed: readonly Result[], why?: string): Promise<Result | undefined> {
    if (!timeLeft()) return undefined;
    const text = await ask({ step: why ? `again: ${task.id}` : `task: ${task.id}`, model: modelFor(task), messages: worker(message, task, needed, why), maxTokens: stepTokens.task });
    return text ? { task, text: cut(text, mostBytes) } : undefined;
  }

  for (const task of tasks) running.set(task.id, run(task));
  const results = (await Promise.all(running.values())).filter((one) => one !== undefined);
  if (results.length === 0) return undefined;
  const review = timeLeft() ? await ask({ step: "review", model: kinds.quick, messages: reviewer(message, results), maxTokens: stepTokens.review, schema: reviewJsonSchema }) : undefined;
  const faults = new Map(review === undefined ? [] : reviewIn(review).again.map(({ task, why }) => [task, why || "it is not what was asked for"]));
  return Promise.all(results.map(async (result) => {
    const why = faults.get(result.task.id);
    if (why === undefined) return result;
    return (await perform(result.task, results.filter(({ task }) => result.task.needs.includes(task.id)), why)) ?? result;
  }));
}
