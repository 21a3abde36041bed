/** The table of contents: every middleware and every route, in order. */
import { Hono } from "hono";
import { trimTrailingSlash } from "hono/trailing-slash";
import { GatewayError } from "./errors.ts";
import { asGatewayError, dropRest, failure, newRequestId, seal } from "./pipeline/index.ts";
import { reference } from "./reference/index.ts";
import { admin } from "./routes/admin.ts";
import { audio } from "./routes/audio.ts";
import { batches } from "./routes/batches.ts";
import { atlassianRest, atlassianSdk } from "./routes/atlassian.ts";
import { chatCompletions } from "./routes/chat-completions.ts";
import { completions } from "./routes/completions.ts";
import type { App } from "./routes/context.ts";
import { conversations } from "./routes/conversations.ts";
import { dashboard } from "./routes/dashboard.ts";
import { embeddings } from "./routes/embeddings.ts";
import { renderErrorAt } from "./routes/error-shape.ts";
import { files } from "./routes/files.ts";
import { front } from "./routes/front.ts";
import { images } from "./routes/images.ts";
import { geminiCalls, geminiModels } from "./routes/gemini.ts";
import { messageBatches } from "./routes/message-batches.ts";
import { insforge } from "./routes/insforge.ts";
import { messages } from "./routes/messages.ts";
import { models } from "./routes/models.ts";
import { moderations } from "./routes/moderations.ts";
import { openrouterAccount } from "./routes/openrouter-account.ts";
import { openrouterCalls } from "./routes/openrouter-calls.ts";
import { openrouterImageModels } from "./routes/openrouter-image-models.ts";
import { openrouterKeys } from "./routes/openrouter-keys.ts";
import { openrouterModels } from "./routes/openrouter-models.ts";
import { openrouterVideos } from "./routes/openrouter-videos.ts";
import { receiptKeys, receipts } from "./routes/receipts.ts";
import { rankings } from "./routes/rerank.ts";
import { responses } from "./routes/responses.ts";
import { route } from "./routes/route.ts";
import { videos } from "./routes/videos.ts";
import { stripe } from "./routes/stripe.ts";
import { uploads } from "./routes/uploads.ts";

export const app = new Hono<App>();

app.use(async function requestId(c, next) {
  c.set("requestId", newRequestId());
  await next();
  if (c.res.status >= 400) await dropRest(c.req.raw);
  seal(c.res, c.get("requestId"));
});

app.get("/health", (c) => c.json({ status: "ok" }));

app.route("/v1/chat/completions", chatCompletions);
app.route("/v1/responses", responses);
app.route("/v1/conversations", conversations);
app.route("/v1/completions", completions);
app.route("/v1/embeddings", embeddings);
app.route("/v1/moderations", moderations);
app.route("/v1/rerank", rankings);
app.route("/v2/rerank", rankings);
app.route("/v1/v1/rerank", rankings);
app.route("/v1/v2/rerank", rankings);
app.route("/v1/audio", audio);
app.route("/v1/batches", batches);
app.route("/v1/messages/batches", messageBatches);
app.route("/v1/v1/messages/batches", messageBatches);
app.route("/v1/images", images);
app.route("/v1/videos", videos);
app.route("/v1/messages", messages);
app.route("/v1/v1/messages", messages);
app.route("/v1/models", geminiModels);
app.route("/v1/models", models);
app.route("/v1/v1/models", models);
app.route("/v1/models", geminiCalls);
app.route("/v1beta/models", geminiCalls);
app.route("/v1beta/models", geminiModels);

app.route("/v1/files", files);
app.route("/v1/v1/files", files);
app.route("/v1/uploads", uploads);
app.route("/api/v1", openrouterCalls);
app.route("/api/v1/images/models", openrouterImageModels);
app.route("/api/v1", openrouterModels);
app.route("/api/v1", openrouterAccount);
app.route("/api/v1/keys", openrouterKeys);
app.route("/api/v1/videos", openrouterVideos);
app.route("/api/ai", insforge);
app.route("/forge/llm", atlassianRest);
app.route("/llm", atlassianSdk);

app.route("/v1/route", route);
app.route("/v1/receipts", receipts);
app.route("/.well-known/forge-receipts.json", receiptKeys);

app.use("/dashboard/*", trimTrailingSlash());
app.use("/docs/*", trimTrailingSlash());
app.use("/reference/*", trimTrailingSlash());
app.route("/", front);
app.route("/", reference);
app.route("/dashboard", dashboard);
app.route("/admin", admin);
app.route("/stripe", stripe);

/** The methods that a URL takes. */
const methodsOf = (path: string): string[] =>
  ["GET", "POST", "PUT", "PATCH", "DELETE"].filter((method) => app.router.match(method, path)[0].some(([[, route]]) => route.method === method));

app.notFound((c) => {
  const path = c.req.path.slice(0, 200);
  const allow = methodsOf(c.req.path).join(", ");
  const error = allow
    ? new GatewayError("method_not_allowed", `${path} takes ${allow}, not ${c.req.method}.`, { allow })
    : new GatewayError("not_found", `There is no ${c.req.method} ${path} here.`);
  const requestId = c.get("requestId");
  return failure(error, renderErrorAt(c.req.path, c.req.raw.headers)(error, requestId), requestId, undefined);
});

app.onError((thrown, c) => {
  const requestId = c.get("requestId") ?? newRequestId();
  const error = asGatewayError(thrown, { requestId });
  return failure(error, renderErrorAt(c.req.path, c.req.raw.headers)(error, requestId), requestId, undefined);
});
