/** OpenAI's films and those of who makes them nearly so: each a request for JSON that names its work, and questions after it. */
import { GatewayError } from "../../errors.ts";
import type { FormValue } from "../crossing.ts";
import { SentFile } from "../crossing.ts";
import { refIn, type Begin, type JobMaker, type Progress, type Variant } from "../job.ts";
import { filled, isObject, list, record, type Json } from "../json.ts";
import { parseReportedCost } from "../openai-chat/usage.ts";
import { nearestRatio, numberIn, unsaid, urlOf } from "./image-wish.ts";
import { geminiFilms, vertexFilms } from "./video-google.ts";
import { routingFields } from "../routing.ts";
import { heardByAll, type VideoWish } from "./video-wish.ts";

const percentIn = (value: unknown): number | undefined => (typeof value === "number" ? Math.max(0, Math.min(100, value)) : undefined);
const enough = (text: unknown, otherwise: string): string => (typeof text === "string" ? text : otherwise).slice(0, 1_000);

/** OpenAI's words for a film's length and size, made of others' where only those were said. */
function inOpenaiWords({ seconds, json }: VideoWish, upstreamId: string): { fields: Json; losses: ReturnType<typeof unsaid> } {
  const { duration: _, frame_images: frames, aspect_ratio: ratio, resolution, generate_audio: audio, ...rest } = json;
  const own = Object.fromEntries(Object.entries(rest).filter(([field]) => !routingFields.includes(field)));
  const [first] = list(frames).map(record);
  const fields = { ...own, model: upstreamId, ...(json.seconds === undefined && seconds !== undefined && { seconds: String(seconds) }), ...(first && { input_reference: { image_url: record(first.image_url).url } }) };
  return { fields, losses: unsaid({ ratio, resolution, audio }, []).map((loss) => loss.replace(":ratio", ":aspect_ratio").replace(":audio", ":generate_audio") as typeof loss) };
}

/** https://platform.openai.com/docs/api-reference/videos */
const openaiFilms: JobMaker = {
  id: "openai-videos",
  usualSeconds: 4,
  begin(wish, upstreamId) {
    const { fields, losses } = inOpenaiWords(wish, upstreamId);
    const isForm = Object.values(fields).some((value) => value instanceof SentFile) || Object.keys(fields).some((field) => field.includes("["));
    if (!isForm) return { path: "/videos", body: JSON.stringify(fields), losses };
    const form = Object.fromEntries(Object.entries(fields).flatMap(([field, value]): [string, FormValue][] => (value === null || value === undefined ? [] : [[field, value instanceof SentFile || typeof value === "string" ? value : JSON.stringify(value)]])));
    return { path: "/videos", body: { form }, losses };
  },
  derive(how, { ref }, { prompt, json }): Begin {
    if (how === "remix") return { path: `/videos/${encodeURIComponent(ref)}/remix`, body: JSON.stringify({ prompt }), losses: [] };
    return { path: `/videos/${how}`, body: JSON.stringify({ prompt, video: { id: ref }, ...(json.seconds !== undefined && { seconds: json.seconds }) }), losses: [] };
  },
  begun: ({ id }) => refIn(id),
  poll: (ref) => ({ at: `/videos/${encodeURIComponent(ref)}` }),
  progress({ status, progress, seconds, size, error, expires_at: expires }): Progress {
    if (status === "completed") return { is: "done", seconds: numberIn(seconds), size: filled(size), expiresAtS: typeof expires === "number" ? expires : undefined };
    if (status === "failed" || status === "cancelled" || status === "expired") return { is: "failed", code: enough(record(error).code, String(status)), message: enough(record(error).message, "The provider does not say why.") };
    return { is: "running", begun: status === "in_progress", percent: percentIn(progress) };
  },
  content: (ref, _, variant) => `/videos/${encodeURIComponent(ref)}/content${variant === "video" ? "" : `?variant=${variant}`}`,
  remove: (ref) => `/videos/${encodeURIComponent(ref)}`,
};

const onlyFilm = (variant: Variant, at: string | undefined): string | undefined => (variant === "video" ? at : undefined);

/** https://openrouter.ai/docs/features/multimodal/video-generation */
const openrouterFilms: JobMaker = {
  id: "openrouter-videos",
  usualSeconds: 8,
  begin({ prompt, seconds, image, json }, upstreamId) {
    const more = ["resolution", "aspect_ratio", "size", "generate_audio", "seed", "input_references"];
    const told = Object.fromEntries(more.flatMap((field) => (json[field] === undefined || json[field] === null ? [] : [[field, json[field]]])));
    const frames = json.frame_images ?? (image && [{ type: "image_url", image_url: { url: addressOf(image) }, frame_type: "first_frame" }]);
    return { path: "/videos", body: JSON.stringify({ model: upstreamId, ...(prompt && { prompt }), ...(seconds !== undefined && { duration: seconds }), ...told, ...(frames !== undefined && { frame_images: frames }) }), losses: unsaid(json, [...heardByAll, ...more]) };
  },
  begun: ({ id }) => refIn(id),
  poll: (ref) => ({ at: `/videos/${encodeURIComponent(ref)}` }),
  progress({ status, error, usage, unsigned_urls: urls }): Progress {
    if (status === "completed") return { is: "done", reportedNanoUsd: parseReportedCost(usage), films: Math.max(1, list(urls).length) };
    if (["failed", "cancelled", "expired", "dead"].includes(String(status))) return { is: "failed", code: String(status), message: enough(isObject(error) ? error.message : error, "The provider does not say why.") };
    return { is: "running", begun: status === "in_progress", percent: undefined };
  },
  content: (ref, _, variant) => onlyFilm(variant, `/videos/${encodeURIComponent(ref)}/content?index=0`),
};

const addressOf = (image: NonNullable<VideoWish["image"]>): string => {
  const url = urlOf(image);
  if (url === undefined) throw new GatewayError("invalid_request", "input_reference: this provider does not know the file", { param: "input_reference" });
  return url;
};

const xaiRatios = ["16:9", "4:3", "1:1", "9:16", "3:4", "3:2", "2:3"];

/** https://docs.x.ai/docs/guides/video-generations */
const xaiFilms: JobMaker = {
  id: "xai-videos",
  usualSeconds: 6,
  fleeting: true,
  begin({ prompt, seconds, size, resolution, image, json }, upstreamId) {
    const near = size && nearestRatio(size, xaiRatios);
    const clear = resolution === "480p" || resolution === "720p" || resolution === "1080p" ? { resolution } : {};
    const body = { model: upstreamId, ...(prompt && { prompt }), ...(seconds !== undefined && { duration: seconds }), ...(near && { aspect_ratio: near.ratio }), ...clear, ...(image && { image: { url: addressOf(image) } }) };
    const lost = [...(size && (!near!.exact || (size.pixels && !("resolution" in clear))) ? (["field:size"] as const) : []), ...(resolution !== undefined && !size && !("resolution" in clear) ? (["field:resolution"] as const) : [])];
    return { path: "/videos/generations", body: JSON.stringify(body), losses: [...unsaid(json, [...heardByAll, "size", "aspect_ratio", "resolution"]), ...lost] };
  },
  derive(how, { film }, { prompt, seconds }, upstreamId) {
    if (how === "remix" || film === undefined) return undefined;
    return { path: `/videos/${how}`, body: JSON.stringify({ model: upstreamId, prompt, video: { url: film }, ...(seconds !== undefined && { duration: seconds }) }), losses: [] };
  },
  begun: ({ request_id: id }) => refIn(id),
  poll: (ref) => ({ at: `/videos/${encodeURIComponent(ref)}` }),
  progress({ status, progress, video, usage, error }, httpStatus): Progress {
    const { url, duration, respect_moderation: proper } = record(video);
    if (filled(url) && status !== "failed") return { is: "done", film: filled(url), seconds: numberIn(duration), reportedNanoUsd: parseReportedCost(usage) };
    if (status === "failed" || status === "expired" || status === "done" || proper === false) return { is: "failed", code: proper === false ? "moderation_blocked" : String(status), message: enough(isObject(error) ? error.message : error, "The provider does not say why.") };
    return { is: "running", begun: httpStatus === 202 && percentIn(progress) !== 0, percent: percentIn(progress) };
  },
  content: (_, film, variant) => onlyFilm(variant, film),
};

export const videoMakers: readonly JobMaker[] = [openaiFilms, geminiFilms, vertexFilms, openrouterFilms, xaiFilms];
