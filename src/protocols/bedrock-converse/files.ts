/** Pictures, recordings, films and documents as Converse's blocks, and those that a model made. https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html */
import type { FilePart, Loss } from "../../chat/index.ts";
import { record, words, type Json } from "./words.ts";

/** Converse's word for a format, by kind and media type; what it has no word for goes as what is usual. */
const formats = {
  image: { "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/png": "png", "image/gif": "gif", "image/webp": "webp" },
  video: { "video/mp4": "mp4", "video/quicktime": "mov", "video/x-matroska": "mkv", "video/webm": "webm", "video/mpeg": "mpeg" },
  audio: {
    "audio/wav": "wav", "audio/x-wav": "wav", "audio/wave": "wav", "audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/flac": "flac", "audio/ogg": "ogg", "audio/opus": "opus", "audio/aac": "aac", "audio/x-aac": "x-aac",
    "audio/mp4": "m4a", "audio/m4a": "m4a", "audio/webm": "webm", "audio/pcm": "pcm", "audio/x-matroska": "mka",
  },
  document: {
    "application/pdf": "pdf", "text/plain": "txt", "text/csv": "csv", "text/html": "html", "text/markdown": "md", "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx", "application/vnd.ms-excel": "xls", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
  },
} as const satisfies Record<FilePart["kind"], Readonly<Record<string, string>>>;
const usual = { image: "png", video: "mp4", document: "pdf", audio: "wav" } as const;

const formatOf = ({ kind, mediaType = "" }: FilePart): string => (formats[kind] as Readonly<Record<string, string>>)[mediaType] ?? usual[kind];

/** A document's name: letters, digits, spaces, hyphens and brackets only, and each once in a request. A title that has others is lost as it was. */
function documentName({ title, filename }: FilePart, at: string, lose: (loss: Loss) => void): string {
  const name = (title ?? filename ?? "document").replace(/\.[a-z0-9]{1,5}$/i, "").replace(/[^a-zA-Z0-9 ()[\]-]+/g, "-").replace(/\s+/g, " ").slice(0, 150);
  if (title !== undefined && (title !== name || filename !== undefined)) lose("document_metadata");
  return `${name} ${at}`;
}

const isDescribed = ({ title, context, cite, filename }: FilePart): boolean => title !== undefined || context !== undefined || cite === true || filename !== undefined;

/** A file's blocks; none and a declared loss where Converse takes none such. `at` is where it stands, in words that a name may have. */
export function renderFile(part: FilePart, at: string, lose: (loss: Loss) => void): Json[] {
  const { kind, data, context, cite } = part;
  if (part.detail && part.detail !== "auto") lose("image_detail");
  if ("text" in data && (kind !== "document" || !isDescribed(part))) return [{ text: data.text }];
  if ("fileId" in data) lose("uploaded_file");
  else if ("url" in data) lose(kind === "document" ? "document_url" : kind === "image" ? "image_url" : kind);
  else {
    const [format, source] = "text" in data ? ["txt", { text: data.text }] : [formatOf(part), { bytes: data.base64 }];
    if (kind !== "document") return [{ [kind]: { format, source } }];
    return [{ document: { format, name: documentName(part, at, lose), source, ...(context && { context }), ...(cite !== undefined && { citations: { enabled: cite } }) } }];
  }
  return part.transcript ? [{ text: part.transcript }] : [];
}

const made = ["image", "audio"] as const;

/** The medium that a block, or the beginning or a piece of one, is of; undefined: of none. */
export const mediumIn = (block: Json): (typeof made)[number] | undefined => made.find((kind) => kind in block);

/** Two pieces of base64 as one: bytes that end within a group cannot be gone on with as text. */
function joined(before: string, piece: string): string {
  if (!before.endsWith("=")) return before + piece;
  try {
    return btoa(atob(before) + atob(piece));
  } catch {
    return before;
  }
}

/** A picture or a recording that a model makes, its bytes in pieces. */
export class Making {
  private readonly kind: (typeof made)[number];
  private format = "";
  private bytes = "";

  constructor(kind: (typeof made)[number]) {
    this.kind = kind;
  }

  add(block: Json): void {
    const { format, source } = record(block[this.kind]);
    this.format ||= words(format) ?? "";
    this.bytes = joined(this.bytes, words(record(source).bytes) ?? "");
  }

  /** What has come of it; undefined: nothing. */
  get part(): FilePart | undefined {
    if (this.bytes === "") return undefined;
    const mediaType = Object.entries(formats[this.kind]).find(([, word]) => word === this.format)?.[0] ?? `${this.kind}/${this.format || usual[this.kind]}`;
    return { type: "file", kind: this.kind, data: { base64: this.bytes }, mediaType };
  }
}
