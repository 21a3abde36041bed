/** What a client asks of a maker of pictures, in OpenAI's words, whichever of the three endpoints it came to. */
import type { Loss } from "../../chat/index.ts";
import { GatewayError } from "../../errors.ts";
import { SentFile } from "../crossing.ts";
import { filled, list, record, type Json } from "../json.ts";
import { routingFields } from "../routing.ts";

/** A picture to begin from: its bytes, its address (a data URL too), or a file's id at the provider. */
export type Source = SentFile | { readonly url: string } | { readonly fileId: string };

export type ImageWish = {
  readonly prompt: string;
  readonly n: number;
  /** Width and height in pixels, or in parts of one another. */
  readonly size: Size | undefined;
  /** How large it shall be where no pixels say so. */
  readonly resolution: Resolution | undefined;
  readonly images: readonly Source[];
  readonly mask: Source | undefined;
  /** `png`, `jpeg` or `webp`; undefined: the client does not mind. */
  readonly format: string | undefined;
  readonly seed: number | undefined;
  readonly json: Json;
};

/** `field`: where it stood in the request. */
export type Size = { readonly width: number; readonly height: number; readonly pixels: boolean; readonly field: "size" | "aspect_ratio" };

/** The edge of a square of each resolution, in pixels. What is no square has as many of them. */
const edges = { "512": 512, "1K": 1_024, "2K": 2_048, "4K": 4_096 } as const;
export type Resolution = keyof typeof edges;
const resolutionIn = (value: unknown): Resolution | undefined => (typeof value === "string" && Object.hasOwn(edges, value) ? (value as Resolution) : undefined);

/** Widths and heights that models take are in steps of so many pixels. */
const step = 16;
export const stepped = (pixels: number): number => Math.max(step, Math.round(pixels / step) * step);

/** The pixels of a wish; undefined: it does not say how large or in which ratio. */
export function pixelsOf({ size, resolution }: Pick<ImageWish, "size" | "resolution">): { readonly width: number; readonly height: number } | undefined {
  if (size?.pixels) return size;
  if (!size && !resolution) return undefined;
  const root = Math.sqrt(size ? size.width / size.height : 1);
  const edge = edges[resolution ?? "1K"];
  return { width: stepped(edge * root), height: stepped(edge / root) };
}

/** A number, also as a form has it. */
export const numberIn = (value: unknown): number | undefined => {
  const number = typeof value === "string" && value !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
};

/** `1024x1536`, `1K` is none; `16:9`, `2.35:1`. */
function sizeIn(value: unknown, field: Size["field"]): Size | undefined {
  const [, width, by, height] = /^(\d{1,5}(?:\.\d{1,3}(?=:))?)(x|:)(\d{1,5}(?:\.\d{1,3})?)$/i.exec(filled(value) ?? "") ?? [];
  if (width === undefined || Number(width) === 0 || Number(height) === 0) return undefined;
  return { width: Number(width), height: Number(height), pixels: by !== ":", field };
}

function sourceOf(value: unknown): Source[] {
  if (value instanceof SentFile) return [value];
  if (typeof value === "string") return value === "" ? [] : [{ url: value }];
  const { image_url: image, url = typeof image === "string" ? image : record(image).url, file_id: fileId } = record(value);
  if (typeof url === "string") return [{ url }];
  return typeof fileId === "string" ? [{ fileId }] : [];
}

const sourcesIn = (value: unknown): Source[] => (Array.isArray(value) ? list(value).flatMap(sourceOf) : sourceOf(value));

/** Every picture that a request names. */
export const imagesIn = ({ image, images, "image[]": several }: Json): Source[] => [image, images, several].flatMap(sourcesIn);

/** The wish in a request that was found to be one. */
export function wishIn(json: Json): ImageWish {
  return {
    prompt: filled(json.prompt) ?? "",
    n: numberIn(json.n) ?? 1,
    size: sizeIn(json.size, "size") ?? sizeIn(json.aspect_ratio, "aspect_ratio"),
    resolution: resolutionIn(json.resolution),
    images: imagesIn(json),
    mask: sourcesIn(json.mask)[0],
    format: filled(json.output_format),
    seed: numberIn(json.seed),
    json,
  };
}

/** The bytes of a picture as base64, and its type; undefined: only its address is known. */
export function bytesOf(source: Source): { base64: string; type: string } | undefined {
  if (source instanceof SentFile) return { base64: base64Of(source.pieces), type: source.type || typeOf(source.pieces[0]) };
  const [, type = "image/png", base64] = ("url" in source && /^data:([^;,]*)(?:;[^;,]*)*?;base64,([^]*)$/.exec(source.url)) || [];
  return base64 === undefined ? undefined : { base64, type };
}

/** The same as a data URL, or the address as it is. */
export function urlOf(source: Source): string | undefined {
  const bytes = source instanceof SentFile ? bytesOf(source) : undefined;
  return bytes ? `data:${bytes.type};base64,${bytes.base64}` : "url" in source ? source.url : undefined;
}

/** As a form takes it; undefined: only its address is known. */
export function fileOf(source: Source, name: string): SentFile | undefined {
  if (source instanceof SentFile) return source;
  const given = bytesOf(source);
  return given && new SentFile(`${name}.${given.type.replace(/^image\//, "").slice(0, 10)}`, given.type, [bytesIn(given.base64, name)]);
}

function bytesIn(base64: string, name: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(base64);
  } catch {
    throw new GatewayError("invalid_request", `${name}: is no base64`, { param: name });
  }
}

/** Pieces of three bytes each but for the last are base64 one after the other. */
function base64Of(pieces: readonly Uint8Array[]): string {
  let rest = new Uint8Array(0);
  let text = "";
  for (const piece of pieces) {
    const bytes = new Uint8Array(rest.length + piece.length);
    bytes.set(rest);
    bytes.set(piece, rest.length);
    const even = bytes.length - (bytes.length % 3);
    text += bytes.subarray(0, even).toBase64();
    rest = bytes.slice(even);
  }
  return text + rest.toBase64();
}

/** First bytes of pictures. https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern */
const beginnings: readonly (readonly [string, readonly number[]])[] = [
  ["image/png", [0x89, 0x50, 0x4e, 0x47]], ["image/jpeg", [0xff, 0xd8, 0xff]], ["image/gif", [0x47, 0x49, 0x46, 0x38]], ["image/webp", [0x52, 0x49, 0x46, 0x46]],
];

/** What a picture is by its first bytes; PNG where they do not say. */
export const typeOf = (bytes: Uint8Array | undefined): string => beginnings.find(([, first]) => first.every((byte, i) => bytes?.[i] === byte))?.[0] ?? "image/png";

/** Of base64 text the same. */
export const typeOfBase64 = (base64: string): string => {
  const head = /^[A-Za-z0-9+/]{16}/.exec(base64)?.[0];
  return typeOf(head === undefined ? undefined : Uint8Array.fromBase64(head));
};

/** Of the ratios that a provider knows the one that is nearest. `exact`: it is the one that was asked for. */
export function nearestRatio({ width, height }: Pick<Size, "width" | "height">, ratios: readonly string[]): { ratio: string; exact: boolean } {
  const wanted = Math.log(width / height);
  const distance = (ratio: string): number => {
    const [w = 1, h = 1] = ratio.split(":").map(Number);
    return Math.abs(Math.log(w / h) - wanted);
  };
  const ratio = ratios.reduce((best, one) => (distance(one) < distance(best) ? one : best));
  return { ratio, exact: distance(ratio) < 0.03 };
}

/** What every provider hears, or what is about the answer, or for the gateway, and not about the picture. */
const alwaysSaid = [...routingFields, "model", "prompt", "n", "stream", "response_format", "image", "image[]", "images", "mask", "partial_images"];

/** Fields that are not told to a provider which hears these. What only says what is usual is no loss. */
export function unsaid(json: Json, said: readonly string[]): Loss[] {
  return Object.entries(json).flatMap(([field, value]): Loss[] => {
    if (value === null || value === undefined || value === "" || value === "auto" || said.includes(field) || (alwaysSaid.includes(field) && field !== "partial_images")) return [];
    if ((field === "partial_images" && !numberIn(value)) || (field === "resolution" && value === "1K")) return [];
    return [field === "user" ? "user" : field === "seed" ? "seed" : `field:${field}`];
  });
}

