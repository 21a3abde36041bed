/** An organisation and a key to try the gateway with, made through its own front door and kept for the next start. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";

const organisation = { id: "org_dev", name: "Development" };
const keyRequest = { organisation: organisation.id, name: "Development key", policy: { usageScope: "organisation" } };

export type DevelopmentKeyOptions = { url: string; adminSecret: string; /** Where the key is kept, readable by its owner only. */ path: string };

/** The key of the last start while the gateway accepts it, else a new one. Throws an Error with the gateway's answer. */
export async function developmentKey({ url, adminSecret, path }: DevelopmentKeyOptions): Promise<string> {
  const kept = existsSync(path) ? readFileSync(path, "utf8").trim() : "";
  if (kept && (await get(`${url}/v1/models`, kept)).status !== 401) return kept;
  await create(`${url}/admin/organisations`, adminSecret, organisation, [201, 409]);
  const { secret } = (await create(`${url}/admin/keys`, adminSecret, keyRequest, [201])) as { secret: string };
  rmSync(path, { force: true });
  writeFileSync(path, `${secret}\n`, { mode: 0o600 });
  return secret;
}

/** A chat model that this key can call: `preferred` if it is there, else the first of the list. */
export async function exampleModel(url: string, key: string, preferred: string): Promise<string> {
  const response = await get(`${url}/v1/models`, key);
  const list = response.ok ? ((await response.json()) as { data?: { id: string }[] }) : {};
  const ids = (list.data ?? []).map(({ id }) => id).filter((id) => !/embed/i.test(id));
  return ids.includes(preferred) ? preferred : (ids[0] ?? preferred);
}

const get = (url: string, secret: string) => fetch(url, { headers: { authorization: `Bearer ${secret}` } });

async function create(url: string, secret: string, body: unknown, expected: number[]): Promise<unknown> {
  const response = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!expected.includes(response.status)) throw new Error(`POST ${new URL(url).pathname} answered ${response.status}: ${text.slice(0, 300)}`);
  return JSON.parse(text);
}
