import { brain } from "../brain/index.ts";
import { readJson, refusal, serve, type RequestContext, type Serve } from "../pipeline/index.ts";
import { forgelab, isForgelab, readForgelab } from "../protocols/index.ts";

/** A request of ForgeLab's, whose body was read: `mode: "chat"` is one request to a model, `"brain"` is thought about. Throws what is wrong with it. */
function answered(context: RequestContext, json: unknown): Promise<Response> {
  const { FLT_PER_USD: rate } = context.isolate.settings;
  const protocol = forgelab(rate);
  try {
    return (readForgelab(json).mode === "brain" ? brain(rate) : serve)(context, protocol);
  } catch (thrown) {
    return refusal(context, protocol, undefined, thrown);
  }
}

/** ForgeLab's clients come to OpenRouter's URL: a body with a `message` and no `messages` is theirs, all others go on to `by`. */
export const orForgelab = (by: Serve): Serve => async (context, protocol) => {
  try {
    const read = context.read ?? (await readJson(context.request, context.named?.body));
    const asking = { ...context, read };
    return await (isForgelab(read.json) ? answered(asking, read.json) : by(asking, protocol));
  } catch (thrown) {
    return refusal(context, protocol, undefined, thrown);
  }
};
