/**
 * OpenAI's form as each family of models takes it, for a wish in words that are nobody's: a ratio, a resolution, a quality. Who came with
 * OpenAI's own words passes through and is not told anything here. https://platform.openai.com/docs/guides/image-generation
 */
import type { Loss } from "../../chat/index.ts";
import { filled, type Json } from "../json.ts";
import { nearestRatio, pixelsOf, unsaid, wishIn, type ImageWish } from "./image-wish.ts";

type Shaped = { readonly fields: Json; readonly losses: readonly Loss[] };
/** `hears`: fields that it knows; `bytesAnyway`: it answers with bytes, and refuses to be asked how. */
type Family = { readonly ids: RegExp; readonly hears: readonly string[]; readonly streams?: true; readonly shape: (wish: ImageWish) => Shaped; readonly qualities?: Readonly<Record<string, string>>; readonly bytesAnyway?: true };

const sized = (width: number, height: number): Json => ({ size: `${width}x${height}` });
const lostShape = ({ size }: ImageWish): Loss[] => (size ? [`field:${size.field}`] : []);
const lostScale = ({ resolution }: ImageWish, ...heard: readonly string[]): Loss[] => (resolution && resolution !== "1K" && !heard.includes(resolution) ? ["field:resolution"] : []);

/** One of a few sizes: of each resolution those that there are. */
const listed = (sizes: Readonly<Record<string, readonly string[]>>) => (wish: ImageWish): Shaped => {
  const { size, resolution = "1K" } = wish;
  if (size?.pixels) return { fields: sized(size.width, size.height), losses: [] };
  if (!size && !wish.resolution) return { fields: {}, losses: [] };
  const among = sizes[resolution] ?? sizes["1K"]!;
  const near = nearestRatio(size ?? { width: 1, height: 1 }, among.map((one) => one.replace("x", ":")));
  return { fields: { size: near.ratio.replace(":", "x") }, losses: [...(size && !near.exact ? lostShape(wish) : []), ...(sizes[resolution] ? [] : lostScale(wish))] };
};

const free = { leastPixels: 655_360, mostPixels: 8_294_400, mostEdge: 3_840, mostRatio: 3, step: 16 } as const;

/** Any size in steps, within bounds: the largest resolution is as large as it makes any. */
function bounded(wish: ImageWish): Shaped {
  const { size } = wish;
  if (size?.pixels) return { fields: sized(size.width, size.height), losses: [] };
  const wanted = pixelsOf(wish);
  if (!wanted) return { fields: {}, losses: [] };
  const ratio = wanted.width / wanted.height;
  const within = Math.min(free.mostRatio, Math.max(1 / free.mostRatio, ratio));
  const area = Math.min(free.mostPixels, Math.max(free.leastPixels, wanted.width * wanted.height), (free.mostEdge ** 2) / Math.max(within, 1 / within));
  const tooSmall = wanted.width * wanted.height < free.leastPixels;
  const round = tooSmall ? Math.ceil : area < wanted.width * wanted.height ? Math.floor : Math.round;
  const edge = (pixels: number): number => round(pixels / free.step) * free.step;
  const [width, height] = [edge(Math.sqrt(area * within)), edge(Math.sqrt(area / within))];
  return { fields: sized(Math.min(width, height * free.mostRatio), Math.min(height, width * free.mostRatio)), losses: [...(Math.abs(Math.log(ratio / within)) > 0.03 ? lostShape(wish) : []), ...(tooSmall ? lostScale(wish) : [])] };
}

const grokRatios = ["1:1", "3:4", "4:3", "9:16", "16:9", "2:3", "3:2", "9:19.5", "19.5:9", "9:20", "20:9", "1:2", "2:1"];
const grokScales: Readonly<Record<string, string>> = { "1K": "1k", "2K": "2k" };

/** xAI knows ratios and resolutions, and no pixels. https://docs.x.ai/docs/guides/image-generations */
function inGroksWords(wish: ImageWish): Shaped {
  const { size, resolution } = wish;
  const near = size && nearestRatio(size, grokRatios);
  const scale = resolution && (grokScales[resolution] ?? (resolution === "4K" ? "2k" : "1k"));
  return { fields: { ...(near && { aspect_ratio: near.ratio }), ...(scale && { resolution: scale }) }, losses: [...(near && !near.exact ? lostShape(wish) : []), ...lostScale(wish, "2K")] };
}

/** Whoever else takes the form takes pixels. */
function pixels(wish: ImageWish): Shaped {
  const { width, height } = pixelsOf(wish) ?? {};
  return { fields: width && height ? sized(width, height) : {}, losses: [] };
}

const gptHears = ["quality", "background", "output_format", "output_compression", "user"];
const families: readonly Family[] = [
  { ids: /gpt-image-1|chatgpt-image/, hears: gptHears, streams: true, bytesAnyway: true, shape: listed({ "1K": ["1024x1024", "1536x1024", "1024x1536"] }) },
  { ids: /gpt-image/, hears: gptHears, streams: true, bytesAnyway: true, shape: bounded },
  { ids: /dall-e-2/, hears: ["user"], shape: listed({ "512": ["512x512"], "1K": ["1024x1024"] }) },
  { ids: /dall-e/, hears: ["quality", "user"], qualities: { low: "standard", medium: "standard", high: "hd", xhigh: "hd", max: "hd" }, shape: listed({ "1K": ["1024x1024", "1792x1024", "1024x1792"] }) },
  { ids: /grok/, hears: ["quality", "user"], shape: inGroksWords },
  { ids: /^/, hears: ["quality", "background", "output_format", "output_compression", "seed", "user"], shape: pixels },
];
export const familyOf = (upstreamId: string): Family => families.find(({ ids }) => ids.test(upstreamId))!;

/** How many pictures that are not done yet a stream shows of each. */
const partialImages = 2;
const compressed = new Set(["jpeg", "webp"]);

/** A wish's fields as they stand in OpenAI's form, bytes asked for, and what of it is not said. Pictures to begin from are the form's own. */
export function inOpenaisForm(json: Json, upstreamId: string): { readonly fields: Json; readonly losses: readonly Loss[] } {
  const { hears, streams, qualities, shape, bytesAnyway } = familyOf(upstreamId);
  const wish = wishIn(json);
  const shaped = shape(wish);
  // Compression of a format that has none says nothing.
  const { output_compression: compression, ...asked } = json;
  const said = compressed.has(wish.format ?? "") && compression !== undefined ? { ...asked, output_compression: compression } : asked;
  const heard = Object.fromEntries(hears.flatMap((field) => (said[field] === undefined || said[field] === null ? [] : [[field, said[field]]])));
  const quality = filled(heard.quality);
  return {
    fields: {
      model: upstreamId, prompt: wish.prompt, ...(wish.n > 1 && { n: wish.n }), ...heard, ...(quality && qualities && { quality: qualities[quality] ?? quality }), ...shaped.fields,
      ...(!bytesAnyway && { response_format: "b64_json" }), ...(streams && json.stream === true && { stream: true, partial_images: partialImages }),
    },
    losses: [...unsaid(said, [...hears, "size", "aspect_ratio", "resolution"]), ...shaped.losses],
  };
}
