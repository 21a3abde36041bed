/** Every wire format in which a provider can be asked to go on with a conversation. */
import { anthropicMessagesUpstream } from "./anthropic-messages/index.ts";
import { bedrockConverseUpstream } from "./bedrock-converse/index.ts";
import { cohereChatUpstream } from "./cohere-chat/index.ts";
import { geminiUpstream } from "./gemini/index.ts";
import { openaiChatUpstream } from "./openai-chat/index.ts";
import { openaiResponsesUpstream } from "./openai-responses/index.ts";
import type { UpstreamHalf } from "./protocol.ts";

const halves: readonly UpstreamHalf[] = [anthropicMessagesUpstream, openaiResponsesUpstream, openaiChatUpstream, geminiUpstream, bedrockConverseUpstream, cohereChatUpstream];

/** By protocol id, as a provider's `speaks` names it. */
export const conversations: ReadonlyMap<string, UpstreamHalf> = new Map(halves.map((half) => [half.id, half]));
