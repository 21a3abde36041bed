import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { listAudit } from "../../src/accounts/audit.ts";
import { progressOf } from "../../src/dashboard/batch-words.ts";
import { admin, outside } from "../security/stage.ts";
import { newMember, origin } from "./stage.ts";

type Member = Awaited<ReturnType<typeof newMember>>;
let developer: Member;
let viewer: Member;
let stranger: Member;
const line = JSON.stringify({ custom_id: "a", method: "POST", url: "/v1/embeddings", body: { model: "<b>m</b>", input: "hi" } });

beforeAll(async () => {
  outside();
  [developer, viewer, stranger] = await Promise.all([newMember("developer"), newMember("viewer"), newMember("owner")]);
});

/** Uploads as a browser's form does. */
async function upload(who: Member, { name = "in.jsonl", text = line, purpose = "batch", lives = "" } = {}, headers: Record<string, string> = {}): Promise<Response> {
  const form = new FormData();
  form.set("purpose", purpose);
  form.set("lives", lives);
  form.set("file", new File([text], name, { type: "application/octet-stream" }));
  const { headers: own, body } = new Request(origin, { method: "POST", body: form });
  return who.ask("/files", { method: "POST", body: await new Response(body).arrayBuffer(), headers: { origin, "sec-fetch-site": "same-origin", "content-type": own.get("content-type")!, ...headers } });
}
const idOf = (response: Response): string => /\/(file-\w+)$/.exec(response.headers.get("location") ?? "")![1]!;
const actions = async (who: Member, subject: string): Promise<string[]> => (await listAudit(env.DB, { organisationId: who.organisationId, subject, limit: 9 })).map(({ actor, action }) => `${actor === who.email} ${action}`).sort();

describe("a file", () => {
  test("goes up, is listed, comes down as it was, and is deleted", async () => {
    const response = await upload(developer, { name: '../<img src=x>"é.html', text: "<script>alert(1)</script>", purpose: "user_data", lives: "86400" });
    expect(response.status).toBe(303);
    const id = idOf(response);
    const page = await (await developer.get(`/files/${id}`)).text();
    expect(page).toContain("&lt;img src=x&gt;");
    expect(page).not.toContain("<img src=x");
    expect(await (await developer.get("/files")).text()).toContain(`/dashboard/files/${id}`);
    const content = await developer.get(`/files/${id}/content`);
    expect(await content.text()).toBe("<script>alert(1)</script>");
    expect(content.headers.get("content-disposition")).toMatch(/^attachment; filename="/);
    expect([content.headers.get("content-type"), content.headers.get("x-content-type-options"), content.headers.get("content-length")], "it runs nowhere").toEqual(["application/octet-stream", "nosniff", "25"]);
    expect((await developer.post(`/files/${id}/delete`)).headers.get("location")).toBe("/dashboard/files");
    expect((await developer.get(`/files/${id}`)).status).toBe(404);
    expect(await actions(developer, id)).toEqual(["true file.create", "true file.delete"]);
  });

  test("sent by the island is answered in JSON", async () => {
    const sent = await upload(developer, {}, { accept: "application/json" });
    expect(await sent.json()).toEqual({ next: expect.stringMatching(/^\/dashboard\/files\/file-\w+$/) });
    const wrong = await upload(developer, { purpose: "batch_output" }, { accept: "application/json" });
    expect([wrong.status, await wrong.json()]).toEqual([400, { problem: "Choose what it is for." }]);
  });

  test("is nothing without bytes' name, and keeps nothing of what was refused", async () => {
    const held = async () => (await env.DB.prepare("SELECT count(*) AS n FROM files WHERE organisation_id = ?").bind(developer.organisationId).first<{ n: number }>())!.n;
    const before = await held();
    const none = await upload(developer, { name: "", text: "" });
    expect([none.status, (await none.text()).includes("Choose a file first.")]).toEqual([422, true]);
    expect((await upload(developer, { purpose: "x" })).status).toBe(422);
    expect((await upload(developer, {}, { origin: "https://evil.example" })).status).toBe(403);
    expect((await developer.post("/files", { file: "x" })).status, "no multipart form").toBe(415);
    expect(await held()).toBe(before);
  });

  test("is another organisation's, or not for a viewer to take", async () => {
    const id = idOf(await upload(developer));
    for (const path of [`/files/${id}`, `/files/${id}/content`, `/batches/new?file=${id}`]) expect((await stranger.get(path)).status, path).toBe(404);
    expect((await stranger.post(`/files/${id}/delete`)).status).toBe(404);
    expect((await viewer.get("/files")).status).toBe(200);
    expect((await viewer.get(`/files/${id}/content`)).status).toBe(403);
    expect((await upload(viewer)).status).toBe(403);
    expect((await developer.get(`/files/${id}`)).status).toBe(200);
  });
});

describe("a batch", () => {
  test("is made of a file in a key's name, by what its first line says, and cancelled", async () => {
    const file = idOf(await upload(developer));
    const form = await (await developer.get(`/batches/new?file=${file}`)).text();
    expect(form).toContain("A batch runs in a key&#39;s name");
    const key = (await admin("POST", "/keys", { organisation: developer.organisationId, name: "night", policy: { limits: { concurrentRequests: 100 } } })).id as string;
    const page = await (await developer.get(`/batches/new?file=${file}`)).text();
    expect(page).toContain("&lt;b&gt;m&lt;/b&gt;");
    expect(page).toMatch(/<option value="\/v1\/embeddings" selected/);
    expect((await developer.post("/batches", { file, endpoint: "/v1/nothing", key })).status).toBe(422);
    const foreign = (await admin("POST", "/keys", { organisation: stranger.organisationId, name: "theirs" })).id as string;
    expect(await (await developer.post("/batches", { file, endpoint: "/v1/embeddings", key: foreign })).text()).toContain("There is no such key.");
    const off = (await admin("POST", "/keys", { organisation: developer.organisationId, name: "off", policy: { disabled: true } })).id as string;
    expect((await developer.post("/batches", { file, endpoint: "/v1/embeddings", key: off })).status).toBe(422);
    const made = await developer.post("/batches", { file, endpoint: "/v1/embeddings", key });
    const id = /\/(batch_\w+)$/.exec(made.headers.get("location") ?? "")![1]!;
    expect(await (await developer.get("/batches")).text()).toContain(id);
    expect(await (await developer.get(`/batches/${id}`)).text()).toContain(`/dashboard/keys/${key}`);
    for (const path of [`/batches/${id}`, `/batches/${id}/progress`]) expect((await stranger.get(path)).status, path).toBe(404);
    expect((await stranger.post(`/batches/${id}/cancel`)).status).toBe(404);
    expect((await developer.post(`/batches/${id}/cancel`)).status).toBe(303);
    expect(await (await developer.get(`/batches/${id}/progress`)).json()).toMatchObject({ status: expect.stringMatching(/^cancel/), done: 0 });
    expect(await actions(developer, id)).toEqual(["true batch.cancel", "true batch.create"]);
  });

  test("is told in words as far as it is", () => {
    const face = (status: string, total: number, completed: number, failed: number) => progressOf({ batch: { status, total }, sums: { completed, failed } } as never);
    expect(face("validating", 0, 0, 0)).toMatchObject({ over: false, done: 0, words: "Its lines are being counted." });
    expect(face("in_progress", 2000, 1200, 3)).toMatchObject({ over: false, done: 1203, words: "1,203 of 2,000, 3 failed" });
    expect(face("completed", 2, 2, 0)).toMatchObject({ over: true, tone: "good", words: "2 of 2" });
    expect(face("failed", 0, 0, 0)).toMatchObject({ over: true, words: "No request was run." });
  });
});
