/** What is read within a Responses request. https://platform.openai.com/docs/api-reference/responses/create */
import { byType, whole, type Fields, type Reading } from "../unread.ts";
import { isContent } from "./parse-content.ts";
import { parseToolChoice } from "./parse-tools.ts";

const marked = { prompt_cache_breakpoint: whole("mode") };
const text = { ...whole("text", "annotations"), ...marked };
const image = { ...whole("file_id", "detail"), image_url: whole("url"), ...marked };
const parts = byType({
  input_text: text, output_text: text, text, summary_text: text,
  refusal: whole("refusal"),
  input_image: image, computer_screenshot: image,
  input_file: { ...whole("file_data", "file_url", "file_id", "filename", "detail"), ...marked },
  input_audio: { ...whole("data", "format"), input_audio: whole("data", "format"), ...marked },
});

const about = whole("name", "description", "parameters", "strict");
/** Tools in a namespace are such again. */
const tools: Reading = (one) => known(one);
const known = byType({
  function: about,
  custom: whole("name", "description", "format"),
  namespace: { ...whole("name", "description"), tools },
  tool_search: ({ execution }) => (execution === "client" ? whole("execution", "description", "parameters") : "whole"),
});

const call = { ...whole("call_id", "name", "namespace"), caller: {} };
/** A result that is no list of parts is text. */
const result: Reading = ({ output }) => ({ ...call, output: isContent(output) ? parts : "whole" });
const searching = (fields: Fields): Reading => ({ execution }) => (execution === "client" ? { ...whole("call_id", "execution"), ...fields } : "whole");
const input = byType({
  message: { ...whole("role"), content: parts },
  reasoning: { summary: whole("text"), content: whole("text"), encrypted_content: "whole" },
  function_call: { ...call, ...whole("arguments") },
  custom_tool_call: { ...call, ...whole("input") },
  function_call_output: result,
  custom_tool_call_output: result,
  tool_search_call: searching(whole("arguments")),
  tool_search_output: searching({ tools }),
  additional_tools: { ...whole("role"), tools },
}, "message");

/** What is not read of `text` and `reasoning` is kept with the fields at the top, and so is a choice of a tool that the provider runs. */
export const responsesFields: Fields = {
  input, instructions: input, tools,
  tool_choice: (choice) => (parseToolChoice(choice) ? { ...whole("name", "mode"), tools: whole("name") } : "whole"),
  text: { "*": "whole", format: byType({ text: {}, json_object: {}, json_schema: whole("name", "description", "schema", "strict") }) },
};
