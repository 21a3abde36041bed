/**
 * The HTTP surface: one file per URL family. Picks protocol and pipeline. Does not belong here: SQL, fetch, wire formats.
 * Imports: pipeline, the stores, payments, protocols by name, errors; imported by app.ts only.
 */
export { admin } from "./admin.ts";
export { batches } from "./batches.ts";
export { chatCompletions } from "./chat-completions.ts";
export { completions } from "./completions.ts";
export { conversations } from "./conversations.ts";
export { dashboard } from "./dashboard.ts";
export { embeddings } from "./embeddings.ts";
export { files } from "./files.ts";
export { geminiCalls, geminiModels } from "./gemini.ts";
export { messageBatches } from "./message-batches.ts";
export { messages } from "./messages.ts";
export { models } from "./models.ts";
export { receiptKeys, receipts } from "./receipts.ts";
export { responses } from "./responses.ts";
export { stripe } from "./stripe.ts";
export { uploads } from "./uploads.ts";
export type { App } from "./context.ts";
