/** The admin API by itself, as its suites call it. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { Hono } from "hono";
import { expect } from "vitest";
import { principalSource } from "../../src/accounts/index.ts";
import { GatewayError } from "../../src/errors.ts";
import { isolateOf } from "../../src/pipeline/index.ts";
import { admin } from "../../src/routes/admin.ts";
import type { App } from "../../src/routes/context.ts";

export const app = new Hono<App>().route("/admin", admin);
app.onError((error, c) =>
  error instanceof GatewayError
    ? c.json({ error: { code: error.code, message: error.message, param: error.detail.param ?? null } }, error.status as 400)
    : c.json({ error: { code: "internal_error", message: String(error), param: null } }, 500),
);

export type Json = Record<string, any>;
export type Sent = { body?: unknown; raw?: BodyInit; headers?: Record<string, string>; secret?: string };

export async function send(call: string, { body, raw, headers = {}, secret = env.ADMIN_SECRET }: Sent = {}, bindings: object = env) {
  const [method, path] = call.split(" ") as [string, string];
  const response = await app.request(`/admin${path}`, {
    method,
    headers: { authorization: `Bearer ${secret}`, ...((body !== undefined || raw !== undefined) && { "content-type": "application/json" }), ...headers },
    body: raw ?? (body === undefined ? undefined : JSON.stringify(body)),
  }, bindings);
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: (text === "" ? {} : JSON.parse(text)) as Json };
}

/** Sends what must succeed. */
export async function done(call: string, body?: unknown): Promise<Json> {
  const answer = await send(call, { body });
  expect(answer.status, `${call} ${answer.text}`).toBeLessThan(300);
  return answer.json;
}

/** What the key's Durable Object has adopted. */
export const adopted = (keyId: string): Promise<Json | undefined> =>
  runInDurableObject(env.KEY_METER.getByName(keyId), (meter) => (meter as unknown as { policy?: Json }).policy);

const { settings: { KEY_PEPPER: pepper }, masters } = isolateOf(env);
/** What a secret opens. */
export const opens = (secret: string, nowMs = Date.now()) => principalSource(env.DB, { pepper, masters })(secret, nowMs);

let count = 0;

/** A fresh organisation. */
export async function newOrganisation(): Promise<string> {
  const id = `admin-${count++}-${crypto.randomUUID().slice(0, 8)}`;
  await done("POST /organisations", { id, name: "Acme" });
  return id;
}
