import { Hono, type Context } from "hono";
import { forgeIdentityIn } from "../accounts/index.ts";
import { GatewayError } from "../errors.ts";
import { answerHeaders, callerOf, look, relay, type RequestContext } from "../pipeline/index.ts";
import { atlassianLlm, conversations } from "../protocols/index.ts";
import { callableModels } from "../router/index.ts";
import { contextOf, type App } from "./context.ts";

/** Atlassian's REST prints arguments of tool calls as JSON text; its SDK, whose calls come under /llm, types them as objects. */
const callsOf = (parsedInput: boolean): Hono<App> => new Hono<App>()
  .get("/", list)
  .post("/:model{.+}", async (c) => relay(await identified(c), atlassianLlm(modelIn(c), parsedInput)));

/** GET /forge/llm, POST /forge/llm/{model} */
export const atlassianRest = callsOf(false);
/** GET /llm, POST /llm/{model} */
export const atlassianSdk = callsOf(true);

function modelIn(c: Context<App>): string {
  try {
    return decodeURIComponent(c.req.param("model")!);
  } catch {
    throw new GatewayError("model_not_found", "The model's name in the URL is not encoded as it should be.", { param: "model" });
  }
}

/** What this caller can call, each name once. */
async function list(c: Context<App>): Promise<Response> {
  const context = await identified(c);
  const { principal, rate } = await look(context, await callerOf(context));
  const { isolate, startedAtMs, waitUntil } = context;
  const { models: selfHostedModels } = await isolate.selfHosted.get(startedAtMs, waitUntil);
  const models = callableModels({ principal, catalog: await isolate.catalog.get(startedAtMs, waitUntil), atMs: startedAtMs, selfHostedModels, endpoints: isolate.endpoints, protocols: [...conversations.keys()] });
  return c.json({ models: models.map(({ id }) => ({ model: id, status: "active" })) }, 200, answerHeaders(context.requestId, rate, "application/json"));
}

/**
 * The request of whom it is of: without the header, of its key. What the header claims is believed only of a key of ours, which comes as its token or in a header of keys: of an
 * installation's own, or of its app's. Throws `missing_api_key` or `invalid_api_key`.
 */
async function identified(c: Context<App>): Promise<RequestContext> {
  const header = c.req.header("forge-proxy-authorization");
  const { token, installation } = header === undefined ? {} : forgeIdentityIn(header);
  const { request, ...rest } = contextOf(c);
  const context: RequestContext = { ...rest, request: token === undefined ? request : bearing(request, token) };
  const caller = await callerOf(context);
  if (installation === undefined || caller.installation === installation) return context;
  const keyId = caller.installations ? await context.isolate.installations.keyOf(caller.organisationId, installation, context.startedAtMs) : undefined;
  if (keyId === undefined) throw new GatewayError("invalid_api_key", "This key does not stand for that installation, and none of its organisation does.", { shouldRetry: false });
  // The app's own key may have been revoked since this isolate read it.
  await look(context, caller);
  return { ...context, keyId };
}

function bearing(request: Request, token: string): Request {
  const headers = new Headers(request.headers);
  headers.set("authorization", `Bearer ${token}`);
  return new Request(request, { headers });
}
