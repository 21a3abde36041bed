/** OpenRouter's plugins: https://openrouter.ai/docs/features/plugins. Itself gets them as they are; what they come to elsewhere is said here. */
import * as z from "zod";
import type { Loss, WebSearch } from "../../chat/index.ts";
import { unknownSearches } from "../bound.ts";
import { readFields } from "../openai-chat/request.ts";

const pluginSchema = z.looseObject({ id: z.string("must be a string").min(1, "must not be empty").max(64, "must have at most 64 characters"), enabled: z.boolean("must be true or false").nullish() }, "must be an object with an id");
export const pluginsSchema = z.object({ plugins: z.array(pluginSchema, "must be an array of plugins").max(20, "must have at most 20").nullish() });

const web = "web";
/**
 * Without these the answer is the same, or only less convenient: a document goes to its model as it is, JSON comes as the model wrote it, and
 * a prompt that is too long is refused. Leaving one out is declared.
 */
const dispensable = new Set(["file-parser", "response-healing", "context-compression"]);

const domains = z.array(z.string("must be a string").min(1).max(300), "must be an array of domains").max(100, "must have at most 100").nullish();
const searchSchema = z.looseObject({ engine: z.string("must be a string").nullish(), include_domains: domains, exclude_domains: domains });

/** A search that the provider itself may run; undefined: the engine is another's. */
function searchBy(plugin: { id: string }): WebSearch | undefined {
  const { engine, include_domains: only, exclude_domains: never } = readFields(z.object({ plugins: searchSchema }), { plugins: plugin }).plugins;
  if (engine != null && engine !== "native") return undefined;
  return { most: unknownSearches, ...(only?.length && { only }), ...(never?.length && { never }), plugin };
}

/** What plugins a request has on, the search of `:online` among them: a search, the others, and what must not be missed of them. Throws `invalid_request`. */
export function pluginsIn(body: { plugins?: unknown; model?: unknown }): { search: WebSearch | undefined; others: readonly { id: string }[]; needed: Loss[] } {
  const { plugins } = Object.hasOwn(body, "plugins") ? readFields(pluginsSchema, { plugins: body.plugins }) : {};
  const named = (plugins ?? []).filter(({ enabled }) => enabled !== false);
  const online = typeof body.model === "string" && body.model.endsWith(":online") && !named.some(({ id }) => id === web);
  const active = online ? [...named, { id: web }] : named;
  const asked = active.find(({ id }) => id === web);
  const search = asked && searchBy(asked);
  const others = search ? active.filter((plugin) => plugin !== asked) : active;
  return { search, others, needed: [...(search ? ["provider_tool" as const] : []), ...(others.some(({ id }) => !dispensable.has(id)) ? ["field:plugins" as const] : [])] };
}
