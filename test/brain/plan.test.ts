import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { kinds, mostTasks, objectIn, planIn, reviewIn } from "../../src/brain/plan.ts";

const task = (id: string, over: object = {}): object => ({ id, kind: "general", instruction: `do ${id}`, needs: [], ...over });
const plan = (...tasks: object[]): string => JSON.stringify({ split: true, tasks });

describe("a plan", () => {
  test("is read in the order in which it can be worked off", () => {
    expect(planIn(plan(task("c", { needs: ["a", "b"] }), task("a"), task("b", { needs: ["a"] })))!.map(({ id }) => id)).toEqual(["a", "b", "c"]);
  });

  test.each([
    ["in a fence", `Here you are:\n\`\`\`json\n${plan(task("a"), task("b"))}\n\`\`\`\nGood luck!`],
    ["without split", JSON.stringify({ tasks: [task("a"), task("b")] })],
    ["with numbers as ids", plan(task("a", { id: 1 }), task("b", { id: 2 }))],
    ["with a kind that is none", plan(task("a", { kind: "magic" }), task("b"))],
  ])("%s is a plan", (_, answer) => {
    expect(planIn(answer)).toHaveLength(2);
  });

  test.each([
    ["nothing", ""], ["words", "I would split it."], ["one task", plan(task("a"))], ["no split", JSON.stringify({ split: false, tasks: [task("a"), task("b")] })],
    ["a list", JSON.stringify([task("a"), task("b")])], ["twice the same", plan(task("a"), task("a"))], ["tasks without words", plan(task("a", { instruction: " " }), task("b", { instruction: 7 }))],
    ["half of it", plan(task("a"), task("b")).slice(0, -20)],
  ])("%s is none", (_, answer) => {
    expect(planIn(answer)).toBeUndefined();
  });

  test("a circle is cut open, and a need that nobody meets is dropped", () => {
    const tasks = planIn(plan(task("a", { needs: ["b"] }), task("b", { needs: ["a", "nobody"] })))!;
    expect(tasks.map(({ id, needs }) => [id, needs])).toEqual([["a", []], ["b", ["a"]]]);
  });

  test("whatever a model writes, it is a plan that can be worked off, or none", () => {
    const wild = fc.record({ id: fc.oneof(fc.constantFrom("a", "b", "c"), fc.anything()), kind: fc.oneof(fc.constantFrom(...Object.keys(kinds)), fc.anything()), instruction: fc.oneof(fc.string(), fc.anything()), needs: fc.oneof(fc.array(fc.constantFrom("a", "b", "c", "d")), fc.anything()) }, { requiredKeys: [] });
    const answers = fc.oneof(
      fc.string({ maxLength: 300 }), fc.json(),
      fc.record({ split: fc.oneof(fc.boolean(), fc.anything()), tasks: fc.oneof(fc.array(wild, { maxLength: 12 }), fc.anything()) }).map((value) => `${JSON.stringify(value)}`),
      fc.tuple(fc.nat(200), fc.array(wild, { minLength: 2 })).map(([at, tasks]) => JSON.stringify({ split: true, tasks }).slice(at)),
    );
    fc.assert(fc.property(answers, (answer) => {
      const tasks = planIn(String(answer));
      const seen = new Set<string>();
      for (const { id, needs, instruction, kind } of tasks ?? []) {
        expect(needs.every((need) => seen.has(need)) && !seen.has(id) && instruction.length > 0 && kind in kinds).toBe(true);
        seen.add(id);
      }
      expect(seen.size).not.toBe(1);
      expect(seen.size).toBeLessThanOrEqual(mostTasks);
      expect(reviewIn(String(answer)).again).toBeInstanceOf(Array);
    }), { numRuns: 400 });
  });

  test("a text full of brackets takes no time", () => {
    const began = performance.now();
    expect(objectIn("{".repeat(20_000))).toBeUndefined();
    expect(objectIn(`${"x}".repeat(7_000)} {"a":"}{"} {"b":1}`)).toEqual({ a: "}{" });
    expect(objectIn("{x}".repeat(6_000))).toBeUndefined();
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});
