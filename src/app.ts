/** The table of contents: every middleware and every route, in order. */
import { Hono } from "hono";
import { GatewayError } from "./errors.ts";
import { asGatewayError, failure, newRequestId } from "./pipeline/index.ts";
import { renderOpenaiError } from "./protocols/index.ts";
import { admin } from "./routes/admin.ts";
import { chatCompletions } from "./routes/chat-completions.ts";
import type { App } from "./routes/context.ts";
import { dashboard } from "./routes/dashboard.ts";
import { embeddings } from "./routes/embeddings.ts";
import { models } from "./routes/models.ts";

export const app = new Hono<App>();

app.use(async function requestId(c, next) {
  c.set("requestId", newRequestId());
  await next();
});

app.get("/health", (c) => c.json({ status: "ok" }));

app.route("/v1/chat/completions", chatCompletions);
app.route("/v1/embeddings", embeddings);
app.route("/v1/models", models);

app.route("/dashboard", dashboard);
app.route("/admin", admin);

app.notFound((c) => {
  const error = new GatewayError("not_found", `There is no ${c.req.method} ${c.req.path.slice(0, 200)} here.`);
  return failure(error, renderOpenaiError(error), c.get("requestId"), undefined);
});

app.onError((thrown, c) => {
  const requestId = c.get("requestId") ?? newRequestId();
  const error = asGatewayError(thrown, { requestId });
  return failure(error, renderOpenaiError(error), requestId, undefined);
});
