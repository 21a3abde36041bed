/** What models a server itself says it has. */
import { authHeaders, type Endpoint } from "../providers/index.ts";
import { readBounded } from "./read.ts";

const listLimit = 1024 * 1024;

/** Ids from `GET <base>/models`. Rejects when the server does not answer within two seconds, or not with a list. */
export async function listModels(endpoint: Endpoint): Promise<readonly string[]> {
  const response = await fetch(`${endpoint.baseUrl}/models`, {
    headers: authHeaders(endpoint, "openai-chat"), redirect: "manual", signal: AbortSignal.timeout(2_000),
  });
  const bytes = response.ok ? await readBounded(response.body, listLimit) : undefined;
  const { data } = JSON.parse(new TextDecoder().decode(bytes)) as { data: { id?: unknown }[] };
  return data.flatMap(({ id }) => (typeof id === "string" ? [id] : []));
}
