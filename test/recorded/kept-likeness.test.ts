/** What the comparison of kept things would notice. */
import { describe, expect, test } from "vitest";
import { Likeness } from "./kept-likeness.ts";

const theirs = {
  object: "list", first_id: "batch_aaaaaaaaaaaa", has_more: false,
  data: [
    { id: "batch_aaaaaaaaaaaa", status: "completed", created_at: 100, expires_at: 86_500, failed_at: null, request_counts: { total: 2, completed: 2, failed: 0 }, input_file_id: "file-cccccccccccc", results_url: "https://theirs.example/v1/batches/batch_aaaaaaaaaaaa/results" },
    { id: "batch_bbbbbbbbbbbb", status: "completed", created_at: 90, expires_at: 86_490, failed_at: null, request_counts: { total: 2, completed: 2, failed: 0 }, input_file_id: "file-cccccccccccc", results_url: "https://theirs.example/v1/batches/batch_bbbbbbbbbbbb/results" },
  ],
};
/** The same of our world, as `change` has it. */
function ours(change: (list: typeof theirs) => unknown = () => {}): typeof theirs {
  const text = JSON.stringify(theirs).replaceAll("batch_aaaaaaaaaaaa", "batch_111111111111").replaceAll("batch_bbbbbbbbbbbb", "batch_222222222222").replaceAll("file-cccccccccccc", "file-333333333333").replaceAll("theirs.example", "ours.example");
  const made = JSON.parse(text) as typeof theirs;
  for (const one of made.data) Object.assign(one, { created_at: one.created_at + 7_000, expires_at: one.expires_at + 7_000 });
  change(made);
  return made;
}

test("other ids, times and hosts are no difference", () => expect(new Likeness().differences(theirs, ours())).toEqual([]));

describe("a difference is", () => {
  test.each<[string, (list: typeof theirs) => unknown, RegExp]>([
    ["an item less", ({ data }) => data.pop(), /^data of 2 became 1$/],
    ["none at all", ({ data }) => data.splice(0), /^data of 2 became 0$/],
    ["an item more", ({ data }) => data.push(data[0]!), /^data of 2 became 3$/],
    ["another order", ({ data }) => data.reverse(), /^(?:id |data)/],
    ["another count", ({ data }) => (data[1]!.request_counts.completed = 1), /^data\[1\]\.request_counts\.completed: 2 became 1$/],
    ["another state", ({ data }) => (data[0]!.status = "failed"), /^data\[0\]\.status/],
    ["a time where there was none", ({ data }) => Object.assign(data[0]!, { failed_at: 1 }), /^data\[0\]\.failed_at: null became 1$/],
    ["a time that is none", ({ data }) => Object.assign(data[0]!, { failed_at: "soon" }), /^data\[0\]\.failed_at: null became "soon"$/],
    ["another life", ({ data }) => (data[1]!.expires_at += 60), /^data\[1\] lives 86400 s, and here 86460 s$/],
    ["one thing that became two", ({ data }) => (data[1]!.input_file_id = "file-444444444444"), /^id file-cccccccccccc is file-333333333333 and became file-444444444444/],
    ["two things that became one", ({ data }) => (data[1]!.id = data[0]!.id), /^id batch_bbbbbbbbbbbb is new and became batch_111111111111, which is batch_aaaaaaaaaaaa$/],
    ["an address of another thing", ({ data }) => (data[0]!.results_url = data[1]!.results_url), /^data\[0\]\.results_url/],
    ["a field less", (list) => Object.assign(list, { has_more: undefined }), /^has_more is missing$/],
  ])("%s", (_, change, what) => expect(new Likeness().differences(theirs, ours(change))[0]).toMatch(what));
});
