/** What is read within a chat completion request. https://platform.openai.com/docs/api-reference/chat/create */
import { byType, whole, type Fields } from "../unread.ts";

const cache = whole("type", "ttl");

const picture = whole("url", "detail");
const part = (fields: Fields): Fields => ({ cache_control: cache, prompt_cache_breakpoint: whole("mode"), ...fields });
const parts = byType({
  text: part(whole("text")),
  refusal: part(whole("refusal")),
  image_url: part({ image_url: picture }),
  input_audio: part({ input_audio: whole("data", "format") }),
  video_url: part({ video_url: whole("url") }),
  file: part({ file: whole("file_id", "file_data", "filename") }),
  thinking: part({ thinking: whole("text") }),
});

const call = whole("name", "arguments");
const calls: Fields = { function: call, custom: whole("name", "input"), extra_content: { google: whole("thought_signature") } };

const said: Fields = { ...whole("role", "name"), content: parts };
const roles: Readonly<Record<string, Fields>> = {
  assistant: {
    ...said, ...whole("refusal", "annotations", "reasoning", "reasoning_content"), images: { image_url: picture },
    reasoning_details: whole("text", "summary", "data", "signature", "format"),
    audio: whole("data", "transcript", "expires_at"), tool_calls: calls, function_call: call,
  },
  tool: { ...said, ...whole("tool_call_id") },
};

const about = whole("name", "description", "parameters", "strict");
const named: Fields = { function: whole("name"), custom: whole("name") };

const tools = byType({ function: { function: about, cache_control: cache }, custom: { custom: { ...whole("name", "description"), format: byType({ grammar: whole("grammar") }) } } }, "function");

const formats = byType({ text: {}, json_object: {}, json_schema: { json_schema: whole("name", "description", "schema", "strict") } });

export const chatFields: Fields = {
  messages: ({ role }) => roles[String(role)] ?? said,
  tools,
  functions: about,
  tool_choice: { ...named, allowed_tools: { ...whole("mode"), tools: named } },
  function_call: whole("name"),
  response_format: formats,
  reasoning: whole("effort", "max_tokens", "exclude", "enabled", "summary"),
  // Without it there is nothing to be left out.
  stream_options: ({ include_obfuscation: padded }) => whole("include_usage", ...(padded === true ? [] : ["include_obfuscation"])),
};
