export { APIError } from "openai/core/error";
export { Stream } from "openai/core/streaming";
