export { APIError } from "@anthropic-ai/sdk/core/error";
export { Stream } from "@anthropic-ai/sdk/core/streaming";
export { APIError as OldAPIError } from "anthropic-sdk-0/core/error";
export { Stream as OldStream } from "anthropic-sdk-0/core/streaming";
