/** Reads a whole chat completion. https://platform.openai.com/docs/api-reference/chat/object */
import { collect, type ChatResponse } from "../../chat/index.ts";
import type { ParseContext } from "../protocol.ts";
import { ChunkReader } from "./parse-stream.ts";
import { record } from "../json.ts";

/** A message is a delta that says everything at once, so one reader reads both. */
export function parseResponse(body: unknown, context: ParseContext): ChatResponse {
  const reader = new ChunkReader(context, "message");
  return collect([...reader.read(record(body)), ...reader.done()]);
}
