/** The key that `npm start` prints, against a stand-in of the admin API. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { developmentKey, exampleModel } from "../../scripts/development-key.ts";

const folder = mkdtempSync(join(tmpdir(), "forge-key-"));
const path = join(folder, "development-key");
const adminSecret = "admin";
let valid: string[] = [];
let models: string[] = [];
let calls: string[] = [];
let organisationExists = false;
let url = "";

const gateway = createServer((request, response) => {
  calls.push(`${request.method} ${request.url}`);
  const secret = request.headers.authorization?.replace("Bearer ", "") ?? "";
  const send = (status: number, body: unknown) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  if (request.url === "/v1/models") return send(valid.includes(secret) ? 200 : 401, { data: models.map((id) => ({ id })) });
  if (secret !== adminSecret) return send(401, { error: { message: "wrong admin secret" } });
  if (request.url === "/admin/organisations") return send(organisationExists ? 409 : 201, {});
  valid.push(`sk-${valid.length + 1}`);
  return send(201, { id: "key_1", secret: valid.at(-1) });
});

beforeAll(async () => {
  await new Promise<void>((ready) => gateway.listen(0, "127.0.0.1", ready));
  url = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
});
beforeEach(() => {
  [valid, models, calls, organisationExists] = [[], [], [], false];
  rmSync(path, { force: true });
});
afterAll(() => {
  gateway.close();
  rmSync(folder, { recursive: true });
});

test("a key is made once, kept for its owner only, and printed again", async () => {
  expect(await developmentKey({ url, adminSecret, path })).toBe("sk-1");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  calls = [];
  expect(await developmentKey({ url, adminSecret, path })).toBe("sk-1");
  expect(calls).toEqual(["GET /v1/models"]);
});

test("a key that is not accepted any more is replaced, in the organisation that exists", async () => {
  writeFileSync(path, "sk-old\n");
  organisationExists = true;
  expect(await developmentKey({ url, adminSecret, path })).toBe("sk-1");
  expect(readFileSync(path, "utf8")).toBe("sk-1\n");
});

test("a refusal says what the gateway answered", async () => {
  await expect(developmentKey({ url, adminSecret: "wrong", path })).rejects.toThrow(/POST \/admin\/organisations answered 401: .*wrong admin secret/);
});

test("the example is the preferred model, else the first that chats", async () => {
  valid = ["sk"];
  models = ["nomic-embed-text", "llama3.2", "gpt-4o-mini"];
  expect(await exampleModel(url, "sk", "gpt-4o-mini")).toBe("gpt-4o-mini");
  expect(await exampleModel(url, "sk", "gpt-9")).toBe("llama3.2");
});
