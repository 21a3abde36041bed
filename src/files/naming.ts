/** What a client says of a file, made into what may be stored and said again. */

const mostCharacters = 255;
const unnamed = "unnamed";

/** The last step of what may be a path, without what is not to be seen: control characters and those that turn a text's direction. */
export function fileNameOf(said: string): string {
  const name = said.slice(0, 65_536).split(/[/\\]/).at(-1)!.replace(/[\p{Cc}\p{Cs}\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu, "").trim();
  return /^\.*$/.test(name) ? unnamed : [...name].slice(0, mostCharacters).join("");
}

/** What clients call what they do not know. */
const unknown = "application/octet-stream";

/** By the ends of file names: SDKs say nothing of most files' types, and a model has to be told. */
const byEnd: Readonly<Record<string, string>> = {
  jsonl: "application/jsonl", json: "application/json", txt: "text/plain", md: "text/markdown", csv: "text/csv", tsv: "text/tab-separated-values", html: "text/html", xml: "text/xml",
  pdf: "application/pdf", png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg", gif: "image/gif", webp: "image/webp",
  mp3: "audio/mpeg", wav: "audio/wav", flac: "audio/flac", ogg: "audio/ogg", m4a: "audio/mp4", mp4: "video/mp4", webm: "video/webm",
  docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document", xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  pptx: "application/vnd.openxmlformats-officedocument.presentationml.presentation", zip: "application/zip",
};

/** A content type without parameters: the one that was said, if it says anything, or the one that goes with the name. */
export function fileTypeOf(said: string, filename: string): string {
  const type = /^\s*([\w.+-]{1,100}\/[\w.+-]{1,100})\s*(?:;|$)/.exec(said)?.[1]?.toLowerCase() ?? unknown;
  if (type !== unknown) return type;
  return byEnd[/\.([a-z0-9]{1,5})$/i.exec(filename)?.[1]?.toLowerCase() ?? ""] ?? unknown;
}

/** `attachment` with a name that says nothing to whoever reads headers, and the real one as RFC 8187 writes it. */
export function dispositionOf(filename: string): string {
  const plain = filename.replace(/[^\x20-\x7e]|["\\%/;]/g, "_");
  const encoded = encodeURIComponent(filename.toWellFormed()).replace(/['()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
