/** What is the gateway's own: models, dry runs, usage, receipts. */
import * as receipts from "../routes/receipts.ts";
import { query as routeQuery } from "../routes/route.ts";
import { usageQuery } from "../routes/usage.ts";
import type { requestSchemas } from "../protocols/request-schemas.ts";
import * as z from "zod";
import type { Family } from "./operation.ts";

export const ownFamilies = (bodies: ReturnType<typeof requestSchemas>): Family[] => [
  {
    name: "Models", about: "What a key can call here.",
    operations: [
      { on: "GET /v1/models", is: "What this key can call", gives: "ModelList", says: "In Anthropic's and Google's shape for their SDKs.", docs: "https://platform.openai.com/docs/api-reference/models/list" },
      { on: "GET /v1/models/{model}", is: "One model", gives: "Model", docs: "https://platform.openai.com/docs/api-reference/models/retrieve" },
    ],
  },
  {
    name: "Usage", about: "Where requests would go, what they cost, and proof of it.",
    operations: [
      {
        on: "POST /v1/route", is: "Where a request would go, at what price, and why not elsewhere", gives: "Route", says: "A dry run: nothing is sent and nothing counted. The body is the request itself, of which a model is enough.",
        query: routeQuery, json: z.looseObject({ model: bodies.ChatCompletionRequest.shape.model as z.ZodString }),
      },
      { on: "GET /dashboard/usage", is: "What this key used, or its organisation where its policy says so", gives: ["Usage", "GroupedUsage"], says: "JSON, or CSV by `format=csv` or `Accept: text/csv`.", query: usageQuery },
      { on: "GET /dashboard/requests/{request_id}", is: "One request as the ledger has it, or as it was refused", gives: ["LedgerEntry", "RefusedRequest"], says: "Of the requests that were refused before any provider was asked the last 100 of each key are known." },
      { on: "GET /v1/receipts", is: "Signed receipts, in the order of the chain", gives: "ReceiptPage", query: receipts.listQuery },
      { on: "GET /v1/receipts/{request_id}", is: "One request's signed receipt", gives: "Receipt" },
      { on: "GET /.well-known/forge-receipts.json", is: "The keys that receipts are signed with, as a JWK set", gives: "ReceiptKeys", by: "anyone" },
      { on: "GET /health", is: "Whether the gateway answers", gives: "Health", by: "anyone" },
    ],
  },
];
