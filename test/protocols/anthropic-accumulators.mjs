export { MessageStream } from "@anthropic-ai/sdk/lib/MessageStream";
export { MessageStream as OldMessageStream } from "anthropic-sdk-0/lib/MessageStream";
