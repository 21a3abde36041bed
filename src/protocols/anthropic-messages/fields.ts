/** What is read within a Messages request. https://docs.anthropic.com/en/api/messages */
import { isPlainText } from "./parse-blocks.ts";
import { record } from "./words.ts";
import { byType, whole, type Fields, type Reading } from "../unread.ts";

const cache = whole("type", "ttl");
const block = (fields: Fields): Fields => ({ cache_control: cache, ...fields });

const source = byType({ base64: whole("data", "media_type"), url: whole("url"), file: whole("file_id"), text: whole("data", "media_type"), content: { content: whole("text") } });
const cited = whole("enabled");

/** Blocks within a tool's result are such again. */
const blocks: Reading = (one) => known(one);
const known = byType({
  text: block(whole("text", "citations")),
  thinking: whole("thinking", "signature"),
  redacted_thinking: whole("data"),
  tool_use: block({ ...whole("name", "input"), caller: {} }),
  tool_result: block({ ...whole("tool_use_id", "is_error"), content: blocks }),
  image: block({ source }),
  document: (one) => (record(one.source).type === "content" && !isPlainText(record(one.source).content) ? "whole" : block({ ...whole("title", "context"), source, citations: cited })),
  search_result: (one) => (isPlainText(one.content) ? block({ ...whole("title", "source"), content: whole("text"), citations: cited }) : "whole"),
});

const format = byType({ json_schema: whole("schema") });

/** What is not read of tools, of the answer's form and of the metadata is kept with the fields at the top. */
export const messagesFields: Fields = {
  messages: { ...whole("role"), content: blocks },
  system: blocks,
  tools: { "*": "whole", cache_control: cache },
  tool_choice: whole("name", "disable_parallel_tool_use"),
  thinking: byType({ enabled: whole("budget_tokens", "display"), adaptive: whole("display"), disabled: {} }),
  output_config: { "*": "whole", format },
  output_format: format,
};
