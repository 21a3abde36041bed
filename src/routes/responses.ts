import { Hono } from "hono";
import * as z from "zod";
import { relay } from "../pipeline/index.ts";
import { openaiInputTokens, openaiResponses } from "../protocols/index.ts";
import { compacted, kept, responsesKept, socketFor } from "../responses/index.ts";
import { contextOf, lookedUp, type App } from "./context.ts";
import { pageQuery, readPage, wantsSecrets } from "./kept-query.ts";

const one = "/:id{resp_[^/]+}" as const;
const whole = z.coerce.number("must be a number").int("must be an integer").min(0, "must not be negative");
export const retrieveQuery = z.object({ stream: z.enum(["true", "false"], "must be true or false").optional(), starting_after: whole.optional() });

/**
 * POST /v1/responses, the same as a WebSocket, and what becomes of a response that is kept; POST /v1/responses/input_tokens and /compact.
 * https://platform.openai.com/docs/api-reference/responses
 */
export const responses = new Hono<App>()
  .get("/", (c) => socketFor(contextOf(c)))
  .post("/", (c) => relay(contextOf(c), openaiResponses, responsesKept))
  .post("/input_tokens", (c) => relay(contextOf(c), openaiInputTokens, responsesKept))
  .post("/compact", (c) => relay(contextOf(c), openaiResponses, compacted))
  .get(one, async (c) => {
    const { context, principal: caller, headers } = await lookedUp(c);
    const { stream, starting_after: after } = readPage(c, retrieveQuery);
    const [asking, id] = [{ context, caller }, c.req.param("id")];
    if (stream !== "true") return c.json(await kept.retrieve(asking, id, wantsSecrets(c)), 200, headers);
    return new Response(await kept.replayed(asking, id, after === undefined ? 0 : after + 1), { headers: { ...headers, "content-type": "text/event-stream; charset=utf-8" } });
  })
  .delete(one, async (c) => {
    const { context, principal: caller, headers } = await lookedUp(c);
    return c.json(await kept.remove({ context, caller }, c.req.param("id")), 200, headers);
  })
  .post(`${one}/cancel`, async (c) => {
    const { context, principal: caller, headers } = await lookedUp(c);
    return c.json(await kept.cancel({ context, caller }, c.req.param("id")), 200, headers);
  })
  .get(`${one}/input_items`, async (c) => {
    const { context, principal: caller, headers } = await lookedUp(c);
    return c.json(await kept.inputItems({ context, caller }, c.req.param("id"), readPage(c, pageQuery), wantsSecrets(c)), 200, headers);
  });
