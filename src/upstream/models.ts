/** What models the owner's servers themselves say they have. */
import { authHeaders, type Endpoint } from "../providers/index.ts";
import { readBounded } from "./read.ts";

const listLimit = 1024 * 1024;

/** Names of models, and the base URLs of the servers that list each. */
export type Served = { readonly models: readonly string[]; readonly at: ReadonlyMap<string, readonly string[]> };

/** Asks each server for its list. One that does not answer keeps the list that it gave before. */
export async function servedBy(endpoints: readonly Endpoint[], last?: Served): Promise<Served> {
  const before = (url: string): readonly string[] => (last ? last.models.filter((name) => last.at.get(name)?.includes(url)) : []);
  const lists = await Promise.all(endpoints.map(async (endpoint) => ({ url: endpoint.baseUrl, names: await listModels(endpoint).catch(() => before(endpoint.baseUrl)) })));
  const at = new Map<string, string[]>();
  for (const { url, names } of lists) for (const name of names) at.set(name, [...(at.get(name) ?? []), url]);
  return { models: [...at.keys()], at };
}

/** Ids from `GET <base>/models`. Rejects when the server does not answer within two seconds, or not with a list. */
async function listModels(endpoint: Endpoint): Promise<readonly string[]> {
  const response = await (endpoint.dial ?? fetch)(`${endpoint.baseUrl}/models`, {
    headers: authHeaders(endpoint, "openai-chat"), redirect: "manual", signal: AbortSignal.timeout(2_000),
  });
  const bytes = response.ok ? await readBounded(response.body, listLimit) : undefined;
  const { data } = JSON.parse(new TextDecoder().decode(bytes)) as { data: { id?: unknown }[] };
  return [...new Set(data.flatMap(({ id }) => (typeof id === "string" ? [id] : [])))];
}
