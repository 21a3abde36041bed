/** The gateway as a whole, as those who run it see it, and an organisation that they suspend. */
import { env } from "cloudflare:workers";
import { expect, test, vi } from "vitest";
import { newId } from "../../src/accounts/base62.ts";
import { createKey } from "../../src/accounts/keys.ts";
import { keyPolicySchema } from "../../src/accounts/policy.ts";
import { newBatchId } from "../../src/batches/index.ts";
import { noteUndeliverable } from "../../src/batches/listing.ts";
import { newMember, newOperator, newPerson, newEmail } from "./stage.ts";

vi.setConfig({ testTimeout: 60_000 });
const dayMs = 86_400_000;
const nowMs = Date.now();
const startOfDay = Math.floor(nowMs / dayMs) * dayMs;

const newRequestId = (atMs: number): string => `req_${atMs.toString(16).padStart(12, "0")}${crypto.randomUUID().replaceAll("-", "").slice(0, 20)}`;

/** A key's hour, as its meter rolls it up. */
const rolledUp = (organisationId: string, atMs: number, { requests, errors, nanoUsd }: { requests: number; errors: number; nanoUsd: number }) =>
  env.DB.prepare("INSERT INTO usage_hourly VALUES (?, ?, 'gpt-test', ?, ?, ?, 1000, 0, 0, 500, 0, ?)").bind(newId("key_"), Math.floor(atMs / 3_600_000), organisationId, requests, errors, nanoUsd);

/** A finished request in the ledger. */
const finished = (organisationId: string, atMs: number, { firstByteMs, totalMs = 4_000, stream = true, end = "complete", status = 200 }: { firstByteMs: number | null; totalMs?: number; stream?: boolean; end?: string; status?: number }) =>
  env.DB.prepare("INSERT INTO requests VALUES (?, ?, 'key_x', ?, ?)").bind(newRequestId(atMs), atMs, organisationId, JSON.stringify({ model: "gpt-test", end, status, stream, firstByteMs, totalMs }));

const clean = (html: string): string => html.replace(/<[^>]+>/g, " ").replace(/&#39;/g, "'").replace(/\s+/g, " ");

test("shows all organisations' requests, errors, cost and latency of today and of 30 days, and what has to be seen to, each with its link", async () => {
  const settings = { DASHBOARD_SIGN_UP: "approval" };
  const [operator, one, two, applicant] = [await newOperator(settings), await newMember("owner"), await newMember("owner"), await newPerson(newEmail(), settings)];
  await applicant.post("/apply", { reason: "Trying engines out." });
  await env.DB.batch([
    rolledUp(one.organisationId, startOfDay, { requests: 40, errors: 1, nanoUsd: 1_500_000_000 }), rolledUp(two.organisationId, startOfDay, { requests: 60, errors: 4, nanoUsd: 500_000_000 }),
    rolledUp(two.organisationId, startOfDay - 29 * dayMs, { requests: 900, errors: 5, nanoUsd: 8_000_000_000 }), rolledUp(one.organisationId, startOfDay - 30 * dayMs, { requests: 7_777, errors: 7, nanoUsd: 70_000_000_000 }),
    ...[100, 200, 300, 400].map((firstByteMs) => finished(one.organisationId, startOfDay + 1, { firstByteMs })), finished(two.organisationId, startOfDay - 5 * dayMs, { firstByteMs: 9_000, totalMs: 50_000 }),
    finished(one.organisationId, startOfDay + 2, { firstByteMs: 1, stream: false }), finished(one.organisationId, startOfDay + 3, { firstByteMs: 70_000, end: "upstream_error" }), finished(one.organisationId, startOfDay + 3, { firstByteMs: 70_000, status: 500 }),
  ]);
  await noteUndeliverable(env.DB, { organisationId: one.organisationId, batchId: newBatchId("file", nowMs), part: 1 }, nowMs);
  const html = await (await operator.get("/operator")).text();
  const text = clean(html);
  expect(text).toMatch(/Today Cost \$2\.00 Requests 100 5 failed \(5%\) Tokens 3K 2K in, 1K out First byte 200 ms 95% within 400 ms Whole answer 4 s 95% within 4 s/);
  expect(text).toMatch(/The last 30 days Cost \$10\.00 Requests 1,000 10 failed \(1%\) Tokens 4\.5K 3K in, 1\.5K out First byte 300 ms 95% within 9 s Whole answer 4 s 95% within 50 s/);
  expect(text).toMatch(/Applications waiting 1 the oldest .* Deployments left alone 0 .* Dead letters in 30 days 1 .* Batches under way 0 Organisations \d+ none suspended/);
  const spenders = [...html.slice(html.indexOf("Who spends the most")).matchAll(/organisations\/(org_\w+)"/g)].map(([, id]) => id);
  expect(spenders, "by what they cost").toEqual([two.organisationId, one.organisationId]);
  expect(html).toContain(`/dashboard/operator/organisations/${two.organisationId}">Engines</a>`);
});

test("an organisation is suspended with a reason, its people are told, and it is restored; both stand in the audit trail", async () => {
  const [operator, owner] = [await newOperator(), await newMember("owner")];
  const { key } = await createKey(env.DB, { actor: "test", nowMs: 1 }, env.KEY_PEPPER, { organisationId: owner.organisationId, name: "web", policy: keyPolicySchema.parse({}), expiresAtMs: null, prefix: "sk-forge-" });
  const page = `/operator/organisations/${owner.organisationId}`;
  expect((await operator.post(`${page}/suspend`, { reason: " " })).status).toBe(422);
  expect((await operator.post("/operator/organisations/org_none/suspend", { reason: "x" })).status).toBe(404);
  expect((await owner.post(`${page}/suspend`, { reason: "x" })).status).toBe(404);
  await operator.post(`${page}/suspend`, { reason: "Unpaid <b>since</b> June" });
  expect(clean(await (await operator.get("/operator/organisations?suspended=1")).text())).toMatch(new RegExp(`Engines ${owner.organisationId}.*suspended`));
  expect(await (await operator.get(page)).text()).toContain("Unpaid &lt;b&gt;since&lt;/b&gt; June");
  for (const path of ["", "/keys", "/settings/people"]) expect(await (await owner.get(path)).text(), path).toContain("Engines is suspended, and its keys are refused.</strong> Unpaid &lt;b&gt;since&lt;/b&gt; June");
  const asked = await owner.ask(`/playground/ask?key=${key.id}`, { method: "POST", body: '{"model":"auto","messages":[]}', headers: { origin: "https://forge.example", "sec-fetch-site": "same-origin", "content-type": "application/json" } });
  expect([asked.status, (await asked.json<{ error: { code: string } }>()).error.code], "and the playground").toEqual([403, "organisation_suspended"]);
  const form = new FormData();
  form.set("purpose", "user_data");
  form.set("file", new File(["x"], "late.txt"));
  const sent = await owner.ask("/files", { method: "POST", body: form, headers: { origin: "https://forge.example", "sec-fetch-site": "same-origin", accept: "application/json" } });
  expect([sent.status, await sent.json()], "and files").toEqual([403, { problem: "The organisation is suspended: no file can be added." }]);
  await operator.post(`${page}/restore`);
  expect(await (await owner.get("/keys")).text()).not.toContain("is suspended");
  expect((await env.DB.prepare("SELECT actor, action FROM audit_events WHERE organisation_id = ? AND action IN ('organisation.suspend', 'organisation.restore') ORDER BY at, id").bind(owner.organisationId).all()).results).toEqual([
    { actor: operator.email, action: "organisation.suspend" }, { actor: operator.email, action: "organisation.restore" },
  ]);
});
