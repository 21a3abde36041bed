/** Everything that is kept here, as text: each table of D1, each Durable Object, each object in R2. */
import { listDurableObjectIds, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";

export type Place = { where: string; text: string };

const tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'";
const namespaces = ["KEY_METER", "ORG_ACCOUNT", "IDEMPOTENT_CALL", "HEALTH_BOARD", "RESPONSE_THREAD", "STORED_CHATS"] as const;
const decoder = new TextDecoder();

const asText = (value: unknown): string => (value instanceof Uint8Array || value instanceof ArrayBuffer ? decoder.decode(value) : JSON.stringify(value, (_, part: unknown) => (part instanceof Uint8Array || part instanceof ArrayBuffer ? decoder.decode(part) : part)) ?? "");

async function inD1(): Promise<Place[]> {
  const { results } = await env.DB.prepare(tables).all<{ name: string }>();
  return Promise.all(results.map(async ({ name }) => ({ where: `D1.${name}`, text: asText((await env.DB.prepare(`SELECT * FROM ${name}`).all()).results) })));
}

/** Rows and values of every object of a namespace. */
async function inObjects(namespace: (typeof namespaces)[number]): Promise<Place[]> {
  const places: Place[] = [];
  for (const id of await listDurableObjectIds(env[namespace] as DurableObjectNamespace)) {
    const text = await runInDurableObject((env[namespace] as DurableObjectNamespace).get(id), async (_, { storage }) => {
      const names = storage.sql.exec<{ name: string }>(tables).toArray().map(({ name }) => name);
      const rows = names.map((name) => asText(storage.sql.exec(`SELECT * FROM ${name}`).toArray()));
      return [...rows, ...[...(await storage.list())].map(([key, value]) => `${key} ${asText(value)}`)].join("\n");
    });
    places.push({ where: `${namespace} ${id.toString().slice(0, 8)}`, text });
  }
  return places;
}

async function inR2(): Promise<Place[]> {
  const { objects } = await env.FILES.list();
  return Promise.all(objects.map(async ({ key }) => ({ where: `R2.${key}`, text: await (await env.FILES.get(key))!.text() })));
}

export async function everythingStored(): Promise<Place[]> {
  const places = [...(await inD1()), ...(await inR2())];
  for (const namespace of namespaces) places.push(...(await inObjects(namespace)));
  return places;
}

/** Where `secret` stands, as it is or as JSON writes it. */
export function holding(secret: string, places: readonly Place[]): string[] {
  const forms = [...new Set([secret, JSON.stringify(secret).slice(1, -1), JSON.stringify(JSON.stringify(secret)).slice(3, -3)])];
  return [...new Set(places.filter(({ text }) => forms.some((form) => text.includes(form))).map(({ where }) => where))];
}
