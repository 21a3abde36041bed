/**
 * Responses that are kept, for every model: threads, runs that outlive their clients, conversations, stored chat completions. What lies here
 * is ciphertext in Durable Objects. Does not belong here: URLs (routes), how a request is answered (pipeline), wire formats (protocols).
 * Imports: pipeline, protocols, accounts, replay's reading in steps; imported by routes and worker.ts.
 */
export * as chats from "./chats.ts";
export { compacted } from "./compact.ts";
export { chatsKept } from "./chats.ts";
export * as conversations from "./conversations.ts";
export * as kept from "./kept.ts";
export type { Asking } from "./kept.ts";
export { responsesKept } from "./layer.ts";
export type { Listed } from "./listing.ts";
export { ResponseThread } from "./response-thread.do.ts";
export { socketFor } from "./socket.ts";
export { StoredChats } from "./stored-chats.do.ts";
export type { Place } from "./stored.ts";
