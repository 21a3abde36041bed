/** OpenRouter's plugins: https://openrouter.ai/docs/features/plugins. Itself gets them as they are; what they come to elsewhere is said here. */
import { z } from "zod";
import { readFields } from "../openai-chat/request.ts";

const pluginSchema = z.looseObject({ id: z.string("must be a string").min(1, "must not be empty").max(64, "must have at most 64 characters"), enabled: z.boolean("must be true or false").nullish() }, "must be an object with an id");
const schema = z.object({ plugins: z.array(pluginSchema, "must be an array of plugins").max(20, "must have at most 20").nullish() });

const web = "web";
/**
 * Without these the answer is the same, or only less convenient: a document goes to its model as it is, JSON comes as the model wrote it, and
 * a prompt that is too long is refused. Leaving one out is declared.
 */
const dispensable = new Set(["file-parser", "response-healing", "context-compression"]);

/** The plugins that are on, the one of `:online` among them, and whether one of them must not be left out. Throws `invalid_request`. */
export function pluginsIn(body: { plugins?: unknown; model?: unknown }): { active: readonly { id: string }[]; needed: boolean } {
  const { plugins } = Object.hasOwn(body, "plugins") ? readFields(schema, { plugins: body.plugins }) : {};
  const named = (plugins ?? []).filter(({ enabled }) => enabled !== false);
  const online = typeof body.model === "string" && body.model.endsWith(":online") && !named.some(({ id }) => id === web);
  const active = online ? [...named, { id: web }] : named;
  return { active, needed: active.some(({ id }) => !dispensable.has(id)) };
}
