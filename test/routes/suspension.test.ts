/** An organisation is suspended and restored: what its keys hear, and what stays as it is. */
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, expect, test, vi } from "vitest";
import type { AccountStanding } from "../../src/limits/index.ts";
import { admin, call, chatBody, expectRefusal, fillCatalog, newKey, outside, prompts, type Json } from "../security/stage.ts";
import { adopted, opens } from "./admin-api.ts";

beforeAll(fillCatalog);
afterEach(() => void vi.restoreAllMocks());

const events = async (organisation: string) => (await env.DB.prepare("SELECT action, detail FROM audit_events WHERE organisation_id = ? AND action LIKE 'organisation.%' AND action <> 'organisation.create' ORDER BY at, id").bind(organisation).all<{ action: string; detail: string }>()).results
  .map(({ action, detail }) => [action, JSON.parse(detail) as Json]);

test("every key is refused from its next request on, in its client's own words, and answered again once it is restored", async () => {
  const left = outside();
  const key = await newKey();
  const { organisation } = key;
  const sleeping = await newKey({}, organisation);
  await admin("POST", `/organisations/${organisation}/credits`, { kind: "grant", nanoUsd: 5_000_000_000, reason: "Welcome" });
  expect((await call(key.secret, "POST", "/v1/chat/completions", chatBody)).status).toBe(200);
  const standing = async (): Promise<AccountStanding> => (await env.ORG_ACCOUNT.getByName(organisation).standing(Date.now())) as AccountStanding;
  const before = await standing();
  const at = Date.now();
  const answered = await admin("PUT", `/organisations/${organisation}/suspension`, { reason: "The invoice of June is open." });
  expect(answered).toMatchObject({ id: organisation, suspended: { reason: "The invoice of June is open." } });
  expect(Date.parse(answered.suspended.since)).toBeGreaterThanOrEqual(at);
  expect(await adopted(sleeping.id), "one that was never used hears of it too").toMatchObject({ suspended: true, enabled: true });

  const asked = prompts(left).length;
  const message = { role: "user", content: "hi" };
  const calls = [
    ["openai", "/v1/chat/completions", chatBody], ["openai", "/v1/responses", { model: "openai/gpt-test", input: "hi" }], ["anthropic", "/v1/messages", { model: "openai/gpt-test", max_tokens: 5, messages: [message] }],
    ["google", "/v1beta/models/openai%2Fgpt-test:generateContent", { contents: [{ role: "user", parts: [{ text: "hi" }] }] }], ["openrouter", "/api/v1/chat/completions", chatBody], ["insforge", "/api/ai/chat/completion", chatBody],
  ] as const;
  const made = await newKey({}, organisation);
  for (const { secret } of [key, sleeping, made]) for (const [shape, path, body] of calls) await expectRefusal(await call(secret, "POST", path, body), 403, "organisation_suspended", shape as never);
  await expectRefusal(await call(key.secret, "GET", "/v1/models"), 403, "organisation_suspended");
  expect(prompts(left).length).toBe(asked);
  expect(await standing(), "its money is as it was").toEqual(before);

  await admin("PUT", `/organisations/${organisation}/suspension`, { reason: "The invoice of June is open." });
  await admin("PUT", `/organisations/${organisation}/suspension`, { reason: "And that of July." });
  expect(await admin("GET", `/organisations/${organisation}`)).toMatchObject({ suspended: { since: answered.suspended.since, reason: "And that of July." } });
  expect(await admin("DELETE", `/organisations/${organisation}/suspension`)).toMatchObject({ suspended: null });
  await admin("DELETE", `/organisations/${organisation}/suspension`);
  expect(await events(organisation), "what changes nothing is no event").toEqual([
    ["organisation.suspend", { reason: "The invoice of June is open." }], ["organisation.suspend", { reason: "And that of July." }], ["organisation.restore", {}],
  ]);
  expect(await adopted(key.id)).not.toHaveProperty("suspended");
  expect(await opens(key.secret)).toMatchObject({ keyId: key.id });
  // An isolate that was told "no" asks again after ten seconds.
  const now = Date.now;
  vi.spyOn(Date, "now").mockImplementation(() => now() + 11_000);
  for (const { secret } of [key, sleeping, made]) expect((await call(secret, "POST", "/v1/chat/completions", chatBody)).status).toBe(200);
});

test("a revoked key of a suspended organisation is revoked all the same, and an organisation that is not there is a 404", async () => {
  outside();
  const key = await newKey();
  await admin("PUT", `/organisations/${key.organisation}/suspension`, { reason: "Unpaid" });
  await admin("POST", `/keys/${key.id}/revoke`);
  await admin("DELETE", `/organisations/${key.organisation}/suspension`);
  await expectRefusal(await call(key.secret, "POST", "/v1/chat/completions", chatBody), 401, "key_revoked");
  for (const [method, path, body, status] of [["PUT", "/organisations/org_none/suspension", { reason: "x" }, 404], ["DELETE", "/organisations/org_none/suspension", undefined, 404], ["PUT", `/organisations/${key.organisation}/suspension`, { reason: " " }, 400]] as const) {
    expect((await call(env.ADMIN_SECRET, method, `/admin${path}`, body)).status, path).toBe(status);
  }
});
