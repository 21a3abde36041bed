/** What is read within a GenerateContentRequest, by names in camel case. https://ai.google.dev/api/generate-content */
import { whole, type Fields, type Reading } from "../unread.ts";

const media: Fields = { inlineData: whole("mimeType", "data", "displayName"), fileData: whole("mimeType", "fileUri", "displayName") };
const result: Fields = { ...whole("name", "response"), parts: media };
const known = { ...whole("text", "thought", "thoughtSignature"), ...media, functionCall: whole("name", "args"), functionResponse: result } satisfies Fields;
const shown: Fields = { ...known, mediaResolution: whole("level") };

/** A part of another kind is kept as it is. */
const isOther = (part: object): boolean => !["text", "inlineData", "inline_data", "fileData", "file_data", "functionCall", "function_call", "functionResponse", "function_response"].some((kind) => kind in part);
const isMedium = (part: object): boolean => ["inlineData", "inline_data", "fileData", "file_data"].some((kind) => kind in part);
const contents: Fields = { ...whole("role"), parts: (part) => (isOther(part) ? "whole" : isMedium(part) ? shown : known) };

const declared = whole("name", "description", "parameters", "parametersJsonSchema");
const tools: Reading = { "*": "whole", functionDeclarations: declared };

/** What is not read of `generationConfig` is kept with the fields at the top. */
export const geminiFields: Fields = {
  contents, systemInstruction: contents, tools,
  toolConfig: { functionCallingConfig: whole("mode", "allowedFunctionNames") },
  generationConfig: { "*": "whole", thinkingConfig: whole("thinkingBudget", "thinkingLevel", "includeThoughts") },
};
