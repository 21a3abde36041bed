/** What a request needs of a model. Pure. */
import type { ChatRequest, FilePart, Part } from "../chat/index.ts";
import type { RequestFacts } from "../protocols/protocol.ts";
import type { Needs } from "../router/index.ts";

const ofFiles: Record<FilePart["kind"], Needs["capabilities"][number]> = { image: "vision", audio: "audio", video: "video", document: "pdf" };

const filesIn = (part: Part): FilePart[] =>
  part.type === "file" ? [part] : part.type === "tool-result" ? part.content.filter((inner) => inner.type === "file") : [];

/** Documents that are plain text are read by whoever reads text. */
const isText = ({ kind, data, mediaType = "" }: FilePart): boolean => kind === "document" && ("text" in data || mediaType.startsWith("text/"));

/** Needs of a conversation; without `chat` only what its facts say. */
export function needsOf({ likelyInputTokens, outputTokens, choices, readings = 1 }: RequestFacts, kind: Needs["kind"], chat: ChatRequest | undefined): Needs {
  const files = chat?.turns.flatMap(({ parts }) => parts.flatMap(filesIn)).filter((file) => !isText(file)) ?? [];
  const { effort, budgetTokens, adaptive } = chat?.reasoning ?? {};
  const thinks = adaptive === true || (effort !== undefined && effort !== "none") || (budgetTokens !== undefined && budgetTokens > 0);
  // Sound is as long as it is: its client allows no number of tokens, and a model reads a recording piece by piece.
  const isSound = kind === "speech" || kind === "transcription";
  return {
    kind,
    capabilities: [...new Set([
      ...(chat && chat.tools.length > 0 && chat.toolChoice?.type !== "none" ? (["tools"] as const) : []),
      ...files.map((file) => ofFiles[file.kind]),
      ...(chat?.output?.type === "json-schema" ? (["json_schema"] as const) : []),
      ...(thinks ? (["reasoning"] as const) : []),
    ])],
    outputModalities: chat?.modalities?.filter((modality) => modality !== "text") ?? [],
    inputTokens: Math.ceil(likelyInputTokens / (isSound ? readings : 1)),
    outputTokens: outputTokens === undefined || isSound ? undefined : Math.ceil(outputTokens / choices),
  };
}
