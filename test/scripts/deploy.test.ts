/** What a deployment checks before it touches an account. */
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { queuesToCreate, secretProblems } from "../../scripts/deploy.ts";

const secret = () => randomBytes(32).toString("base64url");
const good = { KEY_PEPPER: secret(), ADMIN_SECRET: secret(), CREDENTIALS_SECRET: secret() };

test("secrets that suffice have no problem", () => {
  expect(secretProblems(good)).toEqual([]);
});

test("what is missing, short or used twice is named, its value is not", () => {
  expect(secretProblems({ ADMIN_SECRET: good.ADMIN_SECRET })).toEqual(["KEY_PEPPER is missing", "CREDENTIALS_SECRET is missing"]);
  expect(secretProblems({ ...good, KEY_PEPPER: "too-short" }).join()).toMatch(/KEY_PEPPER(?!.*too-short)/);
  expect(secretProblems({ ...good, KEY_PEPPER: good.ADMIN_SECRET })[0]).toContain("must differ");
  expect(secretProblems({ ...good, CREDENTIALS_SECRET_PREVIOUS: secret() })).toEqual([]);
  expect(secretProblems({ ...good, CREDENTIALS_SECRET_PREVIOUS: good.CREDENTIALS_SECRET }).join()).toMatch(/CREDENTIALS_SECRET_PREVIOUS: must differ/);
});

test("only queues that wrangler does not create itself are created", () => {
  const queues = { producers: [{ binding: "BATCHES", queue: "work" }], consumers: [{ queue: "work", dead_letter_queue: "dead" }, { queue: "dead" }] };
  expect(queuesToCreate({ queues })).toEqual(["dead"]);
  expect(queuesToCreate({ queues: { producers: queues.producers } })).toEqual([]);
});
