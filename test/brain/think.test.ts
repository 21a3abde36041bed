import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mostTasks } from "../../src/brain/plan.ts";
import { think, type Question } from "../../src/brain/think.ts";

const split = (...tasks: [string, string[], string?][]): string => JSON.stringify({ split: true, tasks: tasks.map(([id, needs, kind = "general"]) => ({ id, kind, instruction: `do ${id}`, needs })) });

/** Models that answer as they are told to, and what they were asked; `most`: how many were asked at once. */
function models(answer: (question: Question) => string | undefined) {
  const asked: Question[] = [];
  let running = 0;
  const seen = { asked, most: 0 };
  const ask = async (question: Question): Promise<string | undefined> => {
    asked.push(question);
    seen.most = Math.max(seen.most, (running += 1));
    await Promise.resolve();
    await Promise.resolve();
    running -= 1;
    return answer(question);
  };
  return { ask, seen };
}

const steps = (asked: readonly Question[]): string[] => asked.map(({ step }) => step);
const run = (ask: ReturnType<typeof models>["ask"], over: object = {}) => think({ message: "Write about bees and ants.", model: undefined, ask, timeLeft: () => true, ...over });

describe("thinking", () => {
  test("tasks that need nothing run side by side, those that need them behind them with their results", async () => {
    const { ask, seen } = models(({ step }) => (step === "plan" ? split(["bees", []], ["ants", []], ["both", ["bees", "ants"]]) : step === "review" ? '{"ok":true,"again":[]}' : `of ${step}`));
    const results = (await run(ask))!;
    expect(results.map(({ text }) => text)).toEqual(["of task: bees", "of task: ants", "of task: both"]);
    expect(steps(seen.asked)).toEqual(["plan", "task: bees", "task: ants", "task: both", "review"]);
    expect(seen.most).toBe(2);
    expect(seen.asked[3]!.messages[1]!.content).toContain("of task: bees");
  });

  test("each kind of work goes to its models, and the client's own model does what is general", async () => {
    const { ask, seen } = models(({ step }) => (step === "plan" ? split(["a", [], "quick"], ["b", [], "hard"], ["c", [], "code"], ["d", []]) : "x"));
    await run(ask, { model: "theirs" });
    expect(seen.asked.map(({ model }) => model)).toEqual(["fast", "fast", "reasoning", "theirs", "theirs", "fast"]);
  });

  test("a result that is sent back is made once more", async () => {
    const { ask, seen } = models(({ step }) => (step === "plan" ? split(["a", []], ["b", []]) : step === "review" ? '{"ok":false,"again":[{"task":"b","why":"too short"},{"task":"nobody","why":""}]}' : step.startsWith("again") ? "better" : "first"));
    expect((await run(ask))!.map(({ text }) => text)).toEqual(["first", "better"]);
    expect(seen.asked.at(-1)!.messages[1]!.content).toContain("too short");
  });

  test("one that fails the second time stays as it was", async () => {
    const { ask } = models(({ step }) => (step === "plan" ? split(["a", []], ["b", []]) : step === "review" ? '{"ok":false,"again":[{"task":"b","why":"no"}]}' : step.startsWith("again") ? undefined : "first"));
    expect((await run(ask))!.map(({ text }) => text)).toEqual(["first", "first"]);
  });

  test.each([
    ["the planner does not answer", () => undefined],
    ["the planner would not split", () => '{"split":false,"tasks":[]}'],
    ["the planner talks", () => "I think that…"],
    ["no task is answered", ({ step }: Question) => (step === "plan" ? split(["a", []], ["b", []]) : undefined)],
  ])("%s: the request is answered as it is", async (_, answer) => {
    expect(await run(models(answer).ask)).toBeUndefined();
  });

  test("what is out of time is not begun", async () => {
    let left = 3;
    const { ask, seen } = models(({ step }) => (step === "plan" ? split(["a", []], ["b", ["a"]], ["c", ["b"]]) : "x"));
    expect((await run(ask, { timeLeft: () => (left -= 1) > 1 }))!.map(({ task }) => task.id)).toEqual(["a"]);
    expect(steps(seen.asked)).toEqual(["plan", "task: a"]);
  });

  test("whatever models say, it asks a bounded number of questions and never breaks", async () => {
    const word = fc.oneof(fc.constant(undefined), fc.string(), fc.json(), fc.constantFrom(split(["a", []], ["b", ["a", "b"]]), split(["a", ["b"]], ["b", ["a"]]), '{"ok":false,"again":[{"task":"a"},{"task":"b","why":7}]}'));
    await fc.assert(fc.asyncProperty(fc.infiniteStream(word), async (words) => {
      const { ask, seen } = models(() => words.next().value as string | undefined);
      await run(ask);
      expect(seen.asked.length).toBeLessThanOrEqual(2 + 2 * mostTasks);
    }), { numRuns: 200 });
  });
});
