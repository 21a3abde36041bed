import type { Shape } from "./stage.ts";

/** Every route of the Worker. A new one joins the security suites by its line here; they fail while it is missing. */
export type Route = {
  /** As the router has it. */
  route: string;
  /** Whose secret opens it. */
  by: "anyone" | "key" | "admin";
  /** A path that the route takes; `{organisation}` and `{key}` are filled in. */
  path: string;
  /** What it is sent when all is well; it also says that the route reads a body. */
  body?: object;
  /** Whose shape its failures have; OpenAI's unless it says so. */
  shape?: Shape;
  /** It takes a form too. */
  form?: true;
  /** A route that may also be sent without a body. */
  bodyOptional?: boolean;
  /** Another line's route under another path. */
  again?: true;
  /** It begins work that goes on by itself, in an object of its own: what that does is tried out with it (test/videos). */
  lasting?: true;
  /** What it answers is the same for everybody, and caches may keep it. */
  lasts?: true;
  /** It spends nothing: no limit stands in its way, and nothing is booked. */
  free?: true;
};

const message = { role: "user", content: "canary prompt: the treasure lies under the oak" };

const messages = { model: "anthropic/claude-test", max_tokens: 100, messages: [message] };

const generate = { contents: [{ parts: [{ text: message.content }] }] };

export const routes: readonly Route[] = [
  { route: "GET /health", by: "anyone", path: "/health" },
  { route: "GET /", by: "anyone", path: "/" },
  { route: "GET /favicon.ico", by: "anyone", path: "/favicon.ico", lasts: true },
  { route: "GET /robots.txt", by: "anyone", path: "/robots.txt", lasts: true },
  { route: "POST /v1/chat/completions", by: "key", path: "/v1/chat/completions", body: { model: "openai/gpt-test", messages: [message] } },
  { route: "GET /v1/chat/completions", by: "key", path: "/v1/chat/completions" },
  { route: "GET /v1/chat/completions/:id", by: "key", path: "/v1/chat/completions/chatcmpl_none" },
  { route: "POST /v1/chat/completions/:id", by: "key", path: "/v1/chat/completions/chatcmpl_none", body: { metadata: {} }, free: true },
  { route: "DELETE /v1/chat/completions/:id", by: "key", path: "/v1/chat/completions/chatcmpl_none" },
  { route: "GET /v1/chat/completions/:id/messages", by: "key", path: "/v1/chat/completions/chatcmpl_none/messages" },
  { route: "GET /v1/responses", by: "key", path: "/v1/responses" },
  { route: "POST /v1/responses", by: "key", path: "/v1/responses", body: { model: "openai/gpt-test", input: message.content } },
  { route: "POST /v1/responses/input_tokens", by: "key", path: "/v1/responses/input_tokens", body: { model: "openai/gpt-test", input: message.content } },
  { route: "POST /v1/responses/compact", by: "key", path: "/v1/responses/compact", body: { model: "openai/gpt-test", input: message.content } },
  { route: "GET /v1/responses/:id{resp_[^/]+}", by: "key", path: "/v1/responses/resp_none" },
  { route: "DELETE /v1/responses/:id{resp_[^/]+}", by: "key", path: "/v1/responses/resp_none" },
  { route: "POST /v1/responses/:id{resp_[^/]+}/cancel", by: "key", path: "/v1/responses/resp_none/cancel" },
  { route: "GET /v1/responses/:id{resp_[^/]+}/input_items", by: "key", path: "/v1/responses/resp_none/input_items" },
  { route: "POST /v1/conversations", by: "key", path: "/v1/conversations", body: { items: [{ role: "user", content: message.content }] }, free: true },
  { route: "GET /v1/conversations/:id", by: "key", path: "/v1/conversations/conv_none" },
  { route: "POST /v1/conversations/:id", by: "key", path: "/v1/conversations/conv_none", body: { metadata: {} }, free: true },
  { route: "DELETE /v1/conversations/:id", by: "key", path: "/v1/conversations/conv_none" },
  { route: "POST /v1/conversations/:id/items", by: "key", path: "/v1/conversations/conv_none/items", body: { items: [] }, free: true },
  { route: "GET /v1/conversations/:id/items", by: "key", path: "/v1/conversations/conv_none/items" },
  { route: "GET /v1/conversations/:id/items/:item", by: "key", path: "/v1/conversations/conv_none/items/msg_none" },
  { route: "DELETE /v1/conversations/:id/items/:item", by: "key", path: "/v1/conversations/conv_none/items/msg_none" },
  { route: "POST /v1/completions", by: "key", path: "/v1/completions", body: { model: "openai/gpt-test", prompt: message.content } },
  { route: "POST /v1/embeddings", by: "key", path: "/v1/embeddings", body: { model: "openai/gpt-test", input: message.content } },
  { route: "POST /v1/moderations", by: "key", path: "/v1/moderations", body: { model: "openai/gpt-test", input: message.content } },
  ...["/v1/rerank", "/v2/rerank", "/v1/v1/rerank", "/v1/v2/rerank"].map((path): Route => ({ route: `POST ${path}`, by: "key", path, shape: "cohere", body: { model: "openai/embed-test", query: "the oak?", documents: [message.content] }, ...(path !== "/v1/rerank" && { again: true }) })),
  ...["/v1/messages", "/v1/messages/count_tokens", "/v1/v1/messages", "/v1/v1/messages/count_tokens"].map((path): Route => ({ route: `POST ${path}`, by: "key", path, shape: "anthropic", body: messages, ...(path.startsWith("/v1/v1") && { again: true }) })),
  { route: "POST /v1/audio/speech", by: "key", path: "/v1/audio/speech", body: { model: "openai/gpt-test", input: message.content, voice: "alloy" } },
  ...["/v1/audio/transcriptions", "/v1/audio/translations"].map((path): Route => ({ route: `POST ${path}`, by: "key", path, form: true, body: { model: "openai/gpt-test", prompt: message.content, input_audio: { data: "UklGRg==", format: "mp3" } } })),
  { route: "POST /v1/images/generations", by: "key", path: "/v1/images/generations", body: { model: "openai/gpt-test", prompt: message.content } },
  { route: "POST /v1/images/edits", by: "key", path: "/v1/images/edits", body: { model: "openai/gpt-test", prompt: message.content, images: [{ image_url: "https://pictures.example/a.png" }] }, form: true },
  { route: "POST /v1/images/variations", by: "key", path: "/v1/images/variations" },
  { route: "GET /v1/images/files/:name", by: "anyone", path: "/v1/images/files/none.png" },
  { route: "POST /v1/videos", by: "key", path: "/v1/videos", body: { model: "openai/gpt-test", prompt: message.content, seconds: "4" }, form: true, lasting: true },
  { route: "GET /v1/videos", by: "key", path: "/v1/videos" },
  { route: "GET /v1/videos/:id{video_[^/]*}", by: "key", path: "/v1/videos/video_none" },
  { route: "DELETE /v1/videos/:id{video_[^/]*}", by: "key", path: "/v1/videos/video_none" },
  { route: "GET /v1/videos/:id{video_[^/]*}/content", by: "key", path: "/v1/videos/video_none/content" },
  ...["/v1/videos/:id{video_[^/]*}/remix", "/v1/videos/edits", "/v1/videos/extensions", "/v1/videos/characters"].map((path): Route => ({ route: `POST ${path}`, by: "key", path: path.replace(":id{video_[^/]*}", "video_none") })),
  { route: "GET /v1/videos/characters/:id", by: "key", path: "/v1/videos/characters/none" },
  { route: "GET /v1/models", by: "key", path: "/v1/models" },
  { route: "GET /v1/models/:id{.+}", by: "key", path: "/v1/models/openai/gpt-test" },
  { route: "GET /v1/v1/models", by: "key", path: "/v1/v1/models" },
  { route: "GET /v1/v1/models/:id{.+}", by: "key", path: "/v1/v1/models/openai/gpt-test" },
  ...["/v1", "/v1beta"].map((version): Route => ({ route: `POST ${version}/models/:call{.+}`, by: "key", path: `${version}/models/openai/gpt-test:generateContent`, shape: "google", body: generate })),
  { route: "GET /v1beta/models", by: "key", path: "/v1beta/models", shape: "google" },
  { route: "GET /v1beta/models/:id{.+}", by: "key", path: "/v1beta/models/openai/gpt-test", shape: "google" },
  ...["/v1/files", "/v1/v1/files"].flatMap((path): Route[] => [
    { route: `POST ${path}`, by: "key", path },
    { route: `GET ${path}`, by: "key", path },
    { route: `GET ${path}/:id`, by: "key", path: `${path}/file-none` },
    { route: `GET ${path}/:id/content`, by: "key", path: `${path}/file-none/content` },
    { route: `DELETE ${path}/:id`, by: "key", path: `${path}/file-none` },
  ]),
  { route: "POST /v1/batches", by: "key", path: "/v1/batches" },
  { route: "GET /v1/batches", by: "key", path: "/v1/batches" },
  { route: "GET /v1/batches/:id", by: "key", path: "/v1/batches/batch_none" },
  { route: "POST /v1/batches/:id/cancel", by: "key", path: "/v1/batches/batch_none/cancel" },
  ...["/v1/messages/batches", "/v1/v1/messages/batches"].flatMap((path): Route[] => [
    { route: `POST ${path}`, by: "key", path, shape: "anthropic" },
    { route: `GET ${path}`, by: "key", path, shape: "anthropic" },
    { route: `GET ${path}/:id`, by: "key", path: `${path}/msgbatch_none`, shape: "anthropic" },
    { route: `POST ${path}/:id/cancel`, by: "key", path: `${path}/msgbatch_none/cancel`, shape: "anthropic" },
    { route: `GET ${path}/:id/results`, by: "key", path: `${path}/msgbatch_none/results`, shape: "anthropic" },
    { route: `DELETE ${path}/:id`, by: "key", path: `${path}/msgbatch_none`, shape: "anthropic" },
  ]),
  { route: "POST /v1/uploads", by: "key", path: "/v1/uploads" },
  ...["parts", "complete", "cancel"].map((what): Route => ({ route: `POST /v1/uploads/:id/${what}`, by: "key", path: `/v1/uploads/upload_none/${what}` })),
  ...["chat/completions", "responses", "completions", "embeddings"].map((name): Route => ({
    route: `POST /api/v1/${name}`, by: "key", path: `/api/v1/${name}`, shape: "openrouter", ...(name !== "chat/completions" && { again: true }),
    body: { model: "openai/gpt-test", ...(name === "chat/completions" ? { messages: [message] } : { [name === "completions" ? "prompt" : "input"]: message.content }) },
  })),
  { route: "POST /api/v1/rerank", by: "key", path: "/api/v1/rerank", shape: "openrouter", body: { model: "openai/embed-test", query: "the oak?", documents: [message.content] }, again: true },
  { route: "POST /api/v1/audio/speech", by: "key", path: "/api/v1/audio/speech", shape: "openrouter", body: { model: "openai/gpt-test", input: message.content, voice: "alloy" }, again: true },
  { route: "POST /api/v1/audio/transcriptions", by: "key", path: "/api/v1/audio/transcriptions", shape: "openrouter", form: true, body: { model: "openai/gpt-test", prompt: message.content, input_audio: { data: "UklGRg==", format: "mp3" } }, again: true },
  { route: "POST /api/v1/images", by: "key", path: "/api/v1/images", shape: "openrouter", body: { model: "openai/gpt-test", prompt: message.content }, again: true },
  { route: "GET /api/v1/images/models", by: "key", path: "/api/v1/images/models", shape: "openrouter" },
  { route: "GET /api/v1/images/models/:id{.+}/endpoints", by: "key", path: "/api/v1/images/models/openai/gpt-test/endpoints", shape: "openrouter" },
  { route: "POST /api/v1/videos", by: "key", path: "/api/v1/videos", shape: "openrouter", body: { model: "openai/gpt-test", prompt: message.content, duration: 4 }, lasting: true, again: true },
  { route: "GET /api/v1/videos/webhook-secret", by: "key", path: "/api/v1/videos/webhook-secret", shape: "openrouter" },
  { route: "GET /api/v1/videos/models", by: "key", path: "/api/v1/videos/models", shape: "openrouter" },
  { route: "GET /api/v1/videos/:id{video_[^/]*}", by: "key", path: "/api/v1/videos/video_none", shape: "openrouter" },
  { route: "GET /api/v1/videos/:id{video_[^/]*}/content", by: "key", path: "/api/v1/videos/video_none/content", shape: "openrouter" },
  { route: "POST /api/v1/messages", by: "key", path: "/api/v1/messages", shape: "anthropic", body: messages, again: true },
  ...["models", "models/user", "models/count", "embeddings/models", "providers", "endpoints/zdr", "key", "credits", "activity", "keys"].map((name): Route => ({ route: `GET /api/v1/${name}`, by: "key", path: `/api/v1/${name}`, shape: "openrouter" })),
  { route: "GET /api/v1/models/:id{.+}/endpoints", by: "key", path: "/api/v1/models/openai/gpt-test/endpoints", shape: "openrouter" },
  { route: "GET /api/v1/model/:id{.+}", by: "key", path: "/api/v1/model/openai/gpt-test", shape: "openrouter" },
  { route: "GET /api/v1/generation", by: "key", path: "/api/v1/generation?id=gen-none", shape: "openrouter" },
  { route: "POST /api/v1/keys", by: "key", path: "/api/v1/keys", shape: "openrouter", body: { name: "another" }, free: true, again: true },
  { route: "GET /api/v1/keys/:hash", by: "key", path: "/api/v1/keys/{key}", shape: "openrouter" },
  { route: "PATCH /api/v1/keys/:hash", by: "key", path: "/api/v1/keys/{key}", shape: "openrouter", body: { name: "renamed" }, free: true, again: true },
  { route: "DELETE /api/v1/keys/:hash", by: "key", path: "/api/v1/keys/{key}", shape: "openrouter" },
  { route: "POST /v1/route", by: "key", path: "/v1/route", body: { model: "openai/gpt-test", messages: [message] }, free: true },
  { route: "GET /v1/receipts", by: "key", path: "/v1/receipts" },
  { route: "GET /v1/receipts/:id", by: "key", path: "/v1/receipts/req_none" },
  { route: "GET /.well-known/forge-receipts.json", by: "anyone", path: "/.well-known/forge-receipts.json" },
  { route: "POST /stripe/webhook", by: "anyone", path: "/stripe/webhook" },
  ...[["/openapi.json"], ["/llms.txt"], ["/docs"], ["/docs/:name{[a-z-]+\\.md}", "/docs/quickstart.md"], ["/docs/:name{[a-z-]+}", "/docs/quickstart"], ["/reference"], ["/reference/:id{[a-zA-Z0-9]+}", "/reference/getV1Models"]].map(([route, path = route]): Route => ({ route: `GET ${route}`, by: "anyone", path: path!, lasts: true })),
  { route: "GET /dashboard/usage", by: "key", path: "/dashboard/usage" },
  { route: "GET /dashboard/requests/:id", by: "key", path: "/dashboard/requests/req_none" },
  { route: "POST /admin/adjustments", by: "admin", path: "/admin/adjustments", body: { request: "req_none", nanoUsd: 1, reason: "test" } },
  { route: "GET /admin/aliases", by: "admin", path: "/admin/aliases" },
  { route: "PUT /admin/aliases/:name", by: "admin", path: "/admin/aliases/mine", body: { targets: ["gpt-test"] } },
  { route: "DELETE /admin/aliases/:name", by: "admin", path: "/admin/aliases/mine" },
  { route: "POST /admin/aliases/:name/restore", by: "admin", path: "/admin/aliases/auto/restore" },
  { route: "GET /admin/models", by: "admin", path: "/admin/models?search=test&limit=5" },
  { route: "GET /admin/models/:model{.+}", by: "admin", path: "/admin/models/gpt-test" },
  { route: "PUT /admin/models/:model{.+}", by: "admin", path: "/admin/models/own/gpt-test", body: { owner: "us", kind: "chat", inputModalities: ["text"], outputModalities: ["text"], capabilities: ["text"], contextTokens: 128000, maxOutputTokens: null } },
  { route: "DELETE /admin/models/:model{.+}", by: "admin", path: "/admin/models/own/gpt-test" },
  { route: "PUT /admin/deployments", by: "admin", path: "/admin/deployments", body: { provider: "groq", upstreamId: "own-test", model: "gpt-test", serves: false } },
  { route: "DELETE /admin/deployments", by: "admin", path: "/admin/deployments?provider=groq&upstreamId=own-test" },
  { route: "GET /admin/prices", by: "admin", path: "/admin/prices?model=gpt-test" },
  { route: "PUT /admin/prices", by: "admin", path: "/admin/prices", body: { provider: "openai", upstreamId: "gpt-test", class: "input", picoUsd: 1_000_000, source: "test" } },
  { route: "GET /admin/audit", by: "admin", path: "/admin/audit" },
  { route: "GET /admin/keys", by: "admin", path: "/admin/keys" },
  { route: "POST /admin/keys", by: "admin", path: "/admin/keys", body: { organisation: "{organisation}", name: "another" } },
  { route: "GET /admin/keys/:id", by: "admin", path: "/admin/keys/{key}" },
  { route: "PATCH /admin/keys/:id", by: "admin", path: "/admin/keys/{key}", body: { name: "renamed" } },
  { route: "POST /admin/keys/:id/rotate", by: "admin", path: "/admin/keys/{key}/rotate", body: { graceSeconds: 60 }, bodyOptional: true },
  { route: "POST /admin/keys/:id/revoke", by: "admin", path: "/admin/keys/{key}/revoke" },
  ...["/forge/llm", "/llm"].flatMap((path): Route[] => [
    { route: `GET ${path}`, by: "key", path, shape: "atlassian" },
    { route: `POST ${path}/:model{.+}`, by: "key", path: `${path}/openai%2Fgpt-test`, shape: "atlassian", body: { messages: [message] }, again: true },
  ]),
  { route: "POST /api/ai/chat/completion", by: "key", path: "/api/ai/chat/completion", shape: "insforge", body: { model: "openai/gpt-test", messages: [message] }, again: true },
  { route: "POST /api/ai/image/generation", by: "key", path: "/api/ai/image/generation", shape: "insforge", body: { model: "openai/gpt-test", prompt: message.content }, again: true },
  { route: "POST /api/ai/embeddings", by: "key", path: "/api/ai/embeddings", shape: "insforge", body: { model: "openai/embed-test", input: message.content }, again: true },
  ...["models", "overview", "config", "openrouter/api-key"].map((name): Route => ({ route: `GET /api/ai/${name}`, by: "key", path: `/api/ai/${name}`, shape: "insforge" })),
  { route: "POST /api/ai/openrouter/api-key/rotate", by: "key", path: "/api/ai/openrouter/api-key/rotate", shape: "insforge" },
  { route: "GET /admin/organisations/:id/token-issuers", by: "admin", path: "/admin/organisations/{organisation}/token-issuers" },
  { route: "PUT /admin/organisations/:id/token-issuers", by: "admin", path: "/admin/organisations/{organisation}/token-issuers", body: { issuer: "https://issuer.example", key: "{key}", secret: "0123456789abcdef" } },
  { route: "DELETE /admin/organisations/:id/token-issuers", by: "admin", path: "/admin/organisations/{organisation}/token-issuers?issuer=none" },
  { route: "GET /admin/organisations/:id/rules", by: "admin", path: "/admin/organisations/{organisation}/rules" },
  { route: "PUT /admin/organisations/:id/rules", by: "admin", path: "/admin/organisations/{organisation}/rules", body: { maxPrice: { prompt: 1_000 } } },
  { route: "GET /admin/organisations/:id/models", by: "admin", path: "/admin/organisations/{organisation}/models" },
  { route: "PUT /admin/organisations/:id/models", by: "admin", path: "/admin/organisations/{organisation}/models", body: { models: null } },
  { route: "GET /admin/organisations/:id/retention", by: "admin", path: "/admin/organisations/{organisation}/retention" },
  { route: "PUT /admin/organisations/:id/retention", by: "admin", path: "/admin/organisations/{organisation}/retention", body: { fileDays: 365 } },
  { route: "GET /admin/organisations/:id/alerts", by: "admin", path: "/admin/organisations/{organisation}/alerts" },
  { route: "PUT /admin/organisations/:id/alerts", by: "admin", path: "/admin/organisations/{organisation}/alerts", body: { roles: ["owner"], webhookUrl: "https://hooks.example/forge" } },
  { route: "POST /admin/organisations/:id/alerts/secret", by: "admin", path: "/admin/organisations/{organisation}/alerts/secret" },
  { route: "POST /admin/organisations/:id/alerts/test", by: "admin", path: "/admin/organisations/{organisation}/alerts/test" },
  { route: "GET /admin/organisations", by: "admin", path: "/admin/organisations" },
  { route: "POST /admin/organisations", by: "admin", path: "/admin/organisations", body: { name: "Another" } },
  { route: "GET /admin/organisations/:id", by: "admin", path: "/admin/organisations/{organisation}" },
  { route: "PATCH /admin/organisations/:id", by: "admin", path: "/admin/organisations/{organisation}", body: { name: "Renamed" } },
  { route: "PUT /admin/organisations/:id/suspension", by: "admin", path: "/admin/organisations/org_none/suspension", body: { reason: "Unpaid" } },
  { route: "DELETE /admin/organisations/:id/suspension", by: "admin", path: "/admin/organisations/org_none/suspension" },
  { route: "GET /admin/organisations/:id/account", by: "admin", path: "/admin/organisations/{organisation}/account" },
  { route: "PATCH /admin/organisations/:id/account", by: "admin", path: "/admin/organisations/{organisation}/account", body: { prepaid: false } },
  { route: "GET /admin/organisations/:id/budgets", by: "admin", path: "/admin/organisations/{organisation}/budgets" },
  { route: "PUT /admin/organisations/:id/budgets/:budget", by: "admin", path: "/admin/organisations/{organisation}/budgets/mine", body: { amount: 1e15 } },
  { route: "DELETE /admin/organisations/:id/budgets/:budget", by: "admin", path: "/admin/organisations/{organisation}/budgets/mine" },
  { route: "GET /admin/organisations/:id/credits", by: "admin", path: "/admin/organisations/{organisation}/credits" },
  { route: "POST /admin/organisations/:id/credits", by: "admin", path: "/admin/organisations/{organisation}/credits", body: { kind: "grant", nanoUsd: 1, reason: "test" } },
  { route: "GET /admin/organisations/:id/members", by: "admin", path: "/admin/organisations/{organisation}/members" },
  { route: "GET /admin/applications", by: "admin", path: "/admin/applications" },
  { route: "PUT /admin/applications/:email", by: "admin", path: "/admin/applications/a@example.com", body: { state: "approved" } },
  { route: "POST /admin/people/:email/link", by: "admin", path: "/admin/people/a@example.com/link", body: { name: "Ada" }, bodyOptional: true },
  { route: "PUT /admin/organisations/:id/members/:email", by: "admin", path: "/admin/organisations/{organisation}/members/a@example.com", body: { role: "developer" } },
  { route: "DELETE /admin/organisations/:id/members/:email", by: "admin", path: "/admin/organisations/{organisation}/members/a@example.com" },
  { route: "GET /admin/organisations/:id/credentials", by: "admin", path: "/admin/organisations/{organisation}/credentials" },
  { route: "PUT /admin/organisations/:id/credentials/:provider", by: "admin", path: "/admin/organisations/{organisation}/credentials/openai", body: { secret: "{credential}" } },
  { route: "PATCH /admin/organisations/:id/credentials/:provider", by: "admin", path: "/admin/organisations/{organisation}/credentials/openai", body: { only: true } },
  { route: "DELETE /admin/organisations/:id/credentials/:provider", by: "admin", path: "/admin/organisations/{organisation}/credentials/openai" },
  { route: "POST /admin/credentials/rotate", by: "admin", path: "/admin/credentials/rotate" },
  { route: "POST /admin/organisations/:id/checkout", by: "admin", path: "/admin/organisations/{organisation}/checkout", body: { amount: 500, successUrl: "https://shop.example/thanks", cancelUrl: "https://shop.example/" } },
  { route: "POST /admin/organisations/:id/portal", by: "admin", path: "/admin/organisations/{organisation}/portal", body: { returnUrl: "https://shop.example/" } },
  { route: "GET /admin/usage", by: "admin", path: "/admin/usage?organisation={organisation}" },
  { route: "GET /admin/sovereign/selftest", by: "admin", path: "/admin/sovereign/selftest" },
  { route: "GET /admin/plans", by: "admin", path: "/admin/plans" },
  { route: "PUT /admin/plans/:id", by: "admin", path: "/admin/plans/default", body: { limits: { requestsPerMinute: 100000 } } },
];

export const methodOf = ({ route }: Route): string => route.slice(0, route.indexOf(" "));

/** Text with `{name}` filled in from `values`. */
export const filled = (text: string, values: Record<string, string>): string => text.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
