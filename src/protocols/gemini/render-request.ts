/** Writes a conversation as a GenerateContentRequest. https://ai.google.dev/api/generate-content */
import { defined, functionTools, isFrom, searchAs, textOf, type ChatRequest, type FilePart, type Loss, type Part, type ToolResultPart, type WebSearch } from "../../chat/index.ts";
import { objectIn } from "../json.ts";
import type { Rendered, Target } from "../protocol.ts";
import { renderConfig } from "./render-settings.ts";
import { dummySignature, isObject, protocolId, resolutionOf, type Json } from "./words.ts";

type Content = { role: "user" | "model"; parts: Json[] };
const mediaTypes = { image: "image/png", audio: "audio/wav", video: "video/mp4", document: "application/pdf" };

/** Gemini 3 takes a resolution for each medium. */
function renderFile({ kind, data, mediaType = mediaTypes[kind], ...part }: FilePart, isThree: boolean, lose: (loss: Loss) => void): Json[] {
  const resolution = isThree && !("text" in data) ? resolutionOf(part.detail) : undefined;
  if (part.detail && part.detail !== "auto" && !resolution) lose("image_detail");
  if (part.title || part.context || part.filename || part.cite) lose("document_metadata");
  if (part.raw && part.raw.protocol !== protocolId) lose("provider_content");
  if ("text" in data) return [{ text: data.text }];
  if ("base64" in data) return [{ inlineData: { mimeType: mediaType, data: data.base64 }, ...resolution }];
  if ("url" in data) return [{ fileData: { fileUri: data.url, mimeType: mediaType }, ...resolution }];
  lose("uploaded_file");
  return part.transcript ? [{ text: part.transcript }] : [];
}

function renderResult(part: ToolResultPart, name: string, id: { id?: string }, isThree: boolean, lose: (loss: Loss) => void): Json[] {
  const said = part.content.map((one) => (one.type === "file" ? renderFile(one, false, lose) : one.type === "text" ? [{ text: one.text }] : [])).flat();
  const text = said.flatMap((one) => ("text" in one ? [one.text] : [])).join("\n\n");
  const media = said.filter((one) => !("text" in one));
  if (part.content.some((one) => one.type === "opaque")) lose("provider_content");
  if (part.content.some(({ cache }) => cache)) lose("cache_breakpoint");
  const response = part.isError ? { error: text } : (objectIn(text) ?? { output: text });
  const inline = isThree ? media.filter((one) => "inlineData" in one) : [];
  const outside = media.filter((one) => !inline.includes(one));
  if (outside.length > 0) lose("tool_result_media");
  return [{ functionResponse: { ...id, name, response, ...(inline.length > 0 && { parts: inline }) } }, ...outside];
}

/** https://ai.google.dev/gemini-api/docs/google-search: it takes no domains, and no functions beside it. */
const renderSearch = ({ only, never }: WebSearch, tools: number): Json | undefined => (only || never || tools > 1 ? undefined : { googleSearch: {} });

/** The request's body, and what it cannot say. */
export function renderRequest(asked: ChatRequest, target: Target): Rendered {
  const losses = new Set<Loss>();
  const lose = (loss: Loss): void => void losses.add(loss);
  const request = functionTools(searchAs(asked, protocolId, (search) => (target.dialect.webSearch ? renderSearch(search, asked.tools.length) : undefined)), lose);
  const isThree = target.upstreamId.includes("gemini-3");
  const idOf = (id: string): { id?: string } => (target.dialect.callIds === "refused" ? {} : { id });
  const names = new Map<string, string>();
  const system: Json[] = [];
  const contents: Content[] = [];
  const lastUser = request.turns.findLastIndex(({ role, parts }) => role === "user" && parts.some(({ type }) => type !== "tool-result"));

  const renderPart = (part: Part, signature: string | undefined): Json[] => {
    if ("cache" in part && part.cache) lose("cache_breakpoint");
    const signed = signature === undefined ? {} : { thoughtSignature: signature };
    if (part.type === "text") {
      if (part.refusal) lose("refusal");
      if (part.citations?.length) lose("citations");
      return part.text || signature ? [{ text: part.text, ...signed }] : [];
    }
    if (part.type === "tool-call") {
      names.set(part.id, part.name);
      const args = objectIn(part.input) ?? (part.input.trim() ? { input: part.input } : {});
      return [{ functionCall: { ...idOf(part.id), name: part.name, args }, ...signed }];
    }
    if (part.type === "tool-result") return renderResult(part, part.name ?? names.get(part.id) ?? part.id, idOf(part.id), isThree, lose);
    if (part.type === "file") return renderFile(part, isThree, lose).map((one) => ({ ...one, ...signed }));
    if (part.type === "opaque" && part.protocol === protocolId && isObject(part.value)) return [{ ...part.value, ...signed }];
    if (part.type === "opaque") lose("provider_content");
    return [];
  };

  request.turns.forEach(({ role, parts, name }, at) => {
    if (name) lose("message_name");
    if (role === "system" || role === "developer") {
      if (role === "developer") lose("developer_role");
      if (contents.length === 0) return void system.push(...parts.flatMap((part) => renderPart(part, undefined)));
      lose("system_position");
    }
    const rendered: Json[] = [];
    let pending: string | undefined;
    let calls = 0;
    for (const part of parts) {
      if (part.type === "reasoning") {
        if (!isFrom(part.origin, target.origin)) {
          lose("reasoning");
          continue;
        }
        const text = textOf(part);
        if (text) rendered.push({ text, thought: true, ...defined({ thoughtSignature: part.signature }) });
        else {
          if (pending) rendered.push({ text: "", thoughtSignature: pending });
          pending = part.signature;
        }
        continue;
      }
      if (part.type === "tool-call") {
        calls += 1;
        if (calls === 1 && isThree && at > lastUser) pending ??= dummySignature;
      }
      if (role === "assistant" && part.type === "file" && isThree) pending ??= dummySignature;
      rendered.push(...renderPart(part, pending));
      pending = undefined;
    }
    if (pending) rendered.push({ text: "", thoughtSignature: pending });
    const wireRole = role === "assistant" ? "model" : "user";
    const last = contents.at(-1);
    if (rendered.length === 0) return;
    if (last?.role === wireRole) last.parts.push(...rendered);
    else contents.push({ role: wireRole, parts: rendered });
  });
  if (contents.length === 0) contents.push({ role: "user", parts: system.length > 0 ? system.splice(0) : [{ text: "" }] });
  const body = defined({ systemInstruction: system.length > 0 ? { parts: system } : undefined, contents, ...renderConfig(request, target, lose) });
  return { body, losses: [...losses] };
}
