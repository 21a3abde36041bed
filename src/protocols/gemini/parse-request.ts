/** Reads a GenerateContentRequest into a conversation. https://ai.google.dev/api/generate-content */
import { defined, efforts, type ChatRequest, type FilePart, type Part, type ReasoningPart, type Tool, type ToolChoice, type ToolResultPart, type Turn } from "../../chat/index.ts";
import { GatewayError } from "../../errors.ts";
import { unreadIn } from "../unread.ts";
import { geminiFields } from "./fields.ts";
import { detailOf, isObject, kindOf, objects, parseTier, protocolId, signatureOf, textIn, unsealBase64, type Json } from "./words.ts";

const camelName = (name: string): string => (name.includes("_") ? name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()) : name);
/** The fields under their names in camel case, one level deep. */
const camel = (value: unknown): Json => (isObject(value) ? Object.fromEntries(Object.entries(value).map(([key, field]) => [camelName(key), field])) : {});
const list = (value: unknown): Json[] => (isObject(value) ? [value] : objects(value));
const wrong = (param: string, message: string): GatewayError => new GatewayError("invalid_request", `${param}: ${message}`, { param });
const numberIn = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);

function fileOf(inline: Json, uri: Json, resolution: Json = {}): FilePart {
  const medium = inline.data === undefined ? uri : inline;
  const mediaType = textIn(medium.mimeType);
  const data = inline.data === undefined ? { url: textIn(uri.fileUri) ?? "" } : { base64: textIn(inline.data) ?? "" };
  return { type: "file", kind: kindOf(mediaType), data, ...defined({ mediaType, filename: textIn(medium.displayName), detail: detailOf(resolution) }) };
}

/** Calls of a conversation by name, in the order in which results without an id answer them. */
type Calls = { count: number; open: { id: string; name: string }[] };

function readResult(value: Json, calls: Calls): ToolResultPart {
  const { id, name = "", response, parts } = camel(value);
  const index = calls.open.findIndex((call) => (textIn(id) ? call.id === id : call.name === name));
  const [call] = index < 0 ? [] : calls.open.splice(index, 1);
  const body = isObject(response) ? response : {};
  const [key, ...more] = Object.keys(body);
  const isError = key === "error" && more.length === 0;
  const only = more.length === 0 && (key === "output" || isError || key === "result") ? body[key] : undefined;
  const text = typeof only === "string" ? only : JSON.stringify(only !== undefined && key === "output" ? only : body);
  const files = objects(parts).map(camel).filter((one) => one.inlineData ?? one.fileData).map((one) => fileOf(camel(one.inlineData), camel(one.fileData)));
  return { type: "tool-result", id: textIn(id) || call?.id || `call_${String(name)}`, name: String(name), content: [{ type: "text", text }, ...files], ...(isError && { isError }) };
}

function readPart(value: Json, calls: Calls): Part[] {
  const part = camel(value);
  const signature = signatureOf(part);
  const text = textIn(part.text);
  const isThought = part.thought === true && text !== undefined;
  const thoughts = isThought && text ? [text] : [];
  const block: ReasoningPart = (signature === undefined ? undefined : unsealBase64(signature, thoughts)) ?? { type: "reasoning", texts: thoughts, ...defined({ signature }), origin: { protocol: protocolId } };
  if (isThought) return [block];
  const signed = signature === undefined ? [] : [block];
  if (text !== undefined) return [...signed, ...(text === "" && signature !== undefined ? [] : [{ type: "text", text } as const])];
  if (isObject(part.functionCall)) {
    const name = textIn(part.functionCall.name) ?? "";
    const id = textIn(part.functionCall.id) || `call_${calls.count}_${name}`;
    calls.count += 1;
    calls.open.push({ id, name });
    return [...signed, { type: "tool-call", id, name, input: JSON.stringify(part.functionCall.args ?? {}) }];
  }
  if (isObject(part.functionResponse)) return [readResult(part.functionResponse, calls)];
  if (part.inlineData || part.fileData) return [...signed, fileOf(camel(part.inlineData), camel(part.fileData), camel(part.mediaResolution))];
  const { thoughtSignature: _, ...rest } = part;
  return [...signed, { type: "opaque", protocol: protocolId, value: rest }];
}

function readTools(value: unknown): Tool[] {
  return list(value).flatMap((one): Tool[] => {
    const { functionDeclarations, ...others } = camel(one);
    const functions = list(functionDeclarations).map((declared): Tool => {
      const { name, description, parameters, parametersJsonSchema } = camel(declared);
      const schema = isObject(parametersJsonSchema) ? parametersJsonSchema : isObject(parameters) ? (plainSchema(parameters) as Json) : undefined;
      return { type: "function", name: textIn(name) ?? "", ...defined({ description: textIn(description), parameters: schema }) };
    });
    return [...functions, ...Object.entries(others).map(([key, field]): Tool => ({ type: "opaque", protocol: protocolId, value: { [key]: field } }))];
  });
}

/** Google's schemas spell types in capitals, and `nullable` beside them. */
function plainSchema(value: unknown, names = false): unknown {
  if (Array.isArray(value)) return value.map((one) => plainSchema(one));
  if (!isObject(value)) return value;
  const schema: Json = {};
  for (const [key, field] of Object.entries(value)) {
    const name = names ? key : key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    if (names) schema[name] = plainSchema(field);
    else if (name === "type" && typeof field === "string") schema.type = value.nullable === true ? [field.toLowerCase(), "null"] : field.toLowerCase();
    else if (name === "enum" || name === "default" || name === "example") schema[name] = field;
    else if (name !== "nullable" && name !== "propertyOrdering") schema[name] = plainSchema(field, name === "properties");
  }
  return schema;
}

function readChoice(value: unknown): ToolChoice | undefined {
  const { mode, allowedFunctionNames } = camel(camel(value).functionCallingConfig);
  const names = Array.isArray(allowedFunctionNames) ? allowedFunctionNames.map(String) : [];
  if (names.length === 1 && mode === "ANY") return { type: "tool", name: names[0]! };
  if (names.length > 0 && (mode === "ANY" || mode === "VALIDATED")) return { type: "allowed", mode: mode === "ANY" ? "required" : "auto", names };
  const types = { AUTO: "auto", VALIDATED: "auto", NONE: "none", ANY: "required" } as const;
  return typeof mode === "string" && mode in types ? { type: types[mode as keyof typeof types] } : undefined;
}

function readThinking(value: unknown): ChatRequest["reasoning"] {
  if (!isObject(value)) return undefined;
  const { thinkingBudget, thinkingLevel, includeThoughts } = camel(value);
  const level = textIn(thinkingLevel)?.toLowerCase();
  const budget = numberIn(thinkingBudget);
  return {
    ...defined({ effort: efforts.find((one) => one === level), budgetTokens: budget !== undefined && budget >= 0 ? budget : undefined }),
    ...(budget === -1 && { adaptive: true as const }),
    ...(typeof includeThoughts === "boolean" && { show: includeThoughts ? ("auto" as const) : ("none" as const) }),
  };
}

function readOutput({ responseMimeType, responseJsonSchema, responseSchema }: Json): ChatRequest["output"] {
  if (isObject(responseJsonSchema)) return { type: "json-schema", schema: responseJsonSchema };
  if (isObject(responseSchema)) return { type: "json-schema", schema: plainSchema(responseSchema) as Json };
  return responseMimeType === "application/json" ? { type: "json" } : undefined;
}

/**
 * What the model said in one go as one content: clients give a stream's pieces back one by one. A signature is a text's first piece's,
 * and a thought's last piece's.
 */
function contentsOf(contents: readonly Json[]): Json[] {
  const whole: Json[] = [];
  let said: Json[] | undefined;
  for (const content of contents) {
    if (content.role !== "model") said = undefined;
    else if (!said) whole.push({ ...content, parts: (said = []) });
    if (said) for (const piece of list(camel(content).parts).map(camel)) join(said, piece);
    else whole.push(content);
  }
  return whole;
}

function join(parts: Json[], piece: Json): void {
  const last = parts.at(-1);
  const goesOn = typeof piece.text === "string" && typeof last?.text === "string" && (piece.thought === true) === (last.thought === true);
  const isSigned = (piece.thought === true ? last : piece)?.thoughtSignature !== undefined;
  if (piece.text === "" && piece.thoughtSignature === undefined) return;
  if (goesOn && !isSigned) Object.assign(last, { ...piece, text: `${last.text as string}${piece.text as string}` });
  else parts.push({ ...piece });
}

/** Reads the whole request. Throws `invalid_request` when it has no contents. */
export function parseRequest(body: unknown, model: string, stream: boolean): ChatRequest {
  const { contents, systemInstruction, tools, toolConfig, generationConfig, serviceTier, model: _, ...fields } = camel(body);
  const read = list(contents);
  if (read.length === 0) throw wrong("contents", "must be an array of contents");
  const calls: Calls = { count: 0, open: [] };
  const partsOf = (content: unknown): Part[] =>
    typeof content === "string" ? [{ type: "text", text: content }] : list(camel(content).parts).flatMap((part) => readPart(part, calls));
  const system = systemInstruction == null ? [] : partsOf(systemInstruction);
  const turns: Turn[] = system.length > 0 ? [{ role: "system", parts: system }] : [];
  for (const content of contentsOf(read)) turns.push({ role: content.role === "model" ? "assistant" : "user", parts: partsOf(content) });
  const {
    maxOutputTokens, temperature, topP, topK, stopSequences, seed, frequencyPenalty, presencePenalty, candidateCount,
    responseMimeType, responseJsonSchema, responseSchema, responseLogprobs, logprobs, responseModalities, thinkingConfig, ...more
  } = camel(generationConfig);
  return {
    model, stream, streamUsage: true, turns, tools: readTools(tools),
    ...defined({
      toolChoice: readChoice(toolConfig), output: readOutput({ responseMimeType, responseJsonSchema, responseSchema }), reasoning: readThinking(thinkingConfig),
      maxOutputTokens: numberIn(maxOutputTokens), temperature: numberIn(temperature), topP: numberIn(topP), topK: numberIn(topK), seed: numberIn(seed),
      frequencyPenalty: numberIn(frequencyPenalty), presencePenalty: numberIn(presencePenalty), choices: numberIn(candidateCount),
      stop: Array.isArray(stopSequences) && stopSequences.length > 0 ? stopSequences.map(String) : undefined,
      serviceTier: parseTier(serviceTier),
      logprobs: responseLogprobs === true ? { top: numberIn(logprobs) ?? 0 } : undefined,
      modalities: Array.isArray(responseModalities) && responseModalities.length > 0 ? responseModalities.map((one) => String(one).toLowerCase()) : undefined,
    }),
    rest: { protocol: protocolId, fields: { ...fields, ...(Object.keys(more).length > 0 && { generationConfig: more }) } },
    ...unreadIn({ contents, systemInstruction, tools, toolConfig, generationConfig }, geminiFields, camelName),
  };
}
