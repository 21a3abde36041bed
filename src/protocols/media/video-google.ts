/** Veo, at Gemini's API and at Vertex AI. https://ai.google.dev/gemini-api/docs/video and https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/veo-video-generation */
import { GatewayError } from "../../errors.ts";
import { refIn, type JobMaker, type Progress } from "../job.ts";
import { filled, list, objects, record, type Json } from "../json.ts";
import { bytesOf, nearestRatio, unsaid } from "./image-wish.ts";
import { heardByAll, type VideoWish } from "./video-wish.ts";

const ratios = ["16:9", "9:16"];
const resolutions = ["720p", "1080p", "4k"];
const said = [...heardByAll, "size", "aspect_ratio", "resolution", "seed", "negative_prompt", "generate_audio"];

function begin({ prompt, seconds, size, resolution, image, seed, json }: VideoWish, upstreamId: string, hearsAudio: boolean) {
  const near = size && nearestRatio(size, ratios);
  const clear = resolution !== undefined && resolutions.includes(resolution.toLowerCase()) ? resolution.toLowerCase() : undefined;
  const picture = image && bytesOf(image);
  if (image && !picture) throw new GatewayError("invalid_request", "input_reference: this provider takes no pictures by address or id, send their bytes", { param: "input_reference" });
  const audio = typeof json.generate_audio === "boolean" ? json.generate_audio : undefined;
  const parameters = {
    ...(near && { aspectRatio: near.ratio }), ...(clear && { resolution: clear }), ...(seconds !== undefined && { durationSeconds: seconds }), ...(seed !== undefined && { seed }),
    ...(filled(json.negative_prompt) && { negativePrompt: json.negative_prompt }), ...(hearsAudio && audio !== undefined && { generateAudio: audio }),
  };
  const body = { instances: [{ ...(prompt && { prompt }), ...(picture && { image: { bytesBase64Encoded: picture.base64, mimeType: picture.type } }) }], parameters };
  const lost = [
    ...(size && (!near!.exact || (size.pixels && !clear)) ? (["field:size"] as const) : []), ...(resolution !== undefined && !size && !clear ? (["field:resolution"] as const) : []),
    ...(audio !== undefined && !hearsAudio ? (["field:generate_audio"] as const) : []),
  ];
  return { path: `/models/${encodeURIComponent(upstreamId)}:predictLongRunning`, body: JSON.stringify(body), losses: [...unsaid(json, said), ...lost] };
}

const begun = ({ name }: Json): string | undefined => refIn(name);

/** What an operation that is over has made, or why it has made nothing. */
function ended(answer: Json, made: (response: Json) => Progress | undefined): Progress {
  const { done, error, response, metadata } = answer;
  if (done !== true) return { is: "running", begun: true, percent: typeof record(metadata).progressPercent === "number" ? (record(metadata).progressPercent as number) : undefined };
  if (error) return { is: "failed", code: filled(record(error).status) ?? String(record(error).code ?? "failed"), message: (filled(record(error).message) ?? "The provider does not say why.").slice(0, 1_000) };
  const reasons = [record(record(response).generateVideoResponse), record(response)].flatMap(({ raiMediaFilteredReasons: why }) => list(why).flatMap((one) => filled(one) ?? []));
  return made(record(response)) ?? { is: "failed", code: reasons.length > 0 ? "moderation_blocked" : "failed", message: (reasons[0] ?? "Nothing was made.").slice(0, 1_000) };
}

/** A film lies with Google for two days, and its key opens it. */
export const geminiFilms: JobMaker = {
  id: "gemini-videos",
  usualSeconds: 8,
  begin: (wish, upstreamId) => begin(wish, upstreamId, false),
  begun,
  poll: (ref) => ({ at: `/${ref.split("/").map(encodeURIComponent).join("/")}` }),
  progress: (answer) => ended(answer, ({ generateVideoResponse: response }) => {
    const films = objects(record(response).generatedSamples).flatMap(({ video }) => filled(record(video).uri) ?? []);
    return films.length === 0 ? undefined : { is: "done", film: films[0], films: films.length };
  }),
  content: (_, film, variant) => (variant === "video" ? film : undefined),
};

/** The film itself is the answer, where no bucket was named for it. */
export const vertexFilms: JobMaker = {
  id: "vertex-videos",
  usualSeconds: 8,
  begin: (wish, upstreamId) => {
    const { path, ...rest } = begin(wish, upstreamId, true);
    return { ...rest, path: `/publishers/google${path}` };
  },
  begun,
  poll: (ref, upstreamId) => ({ at: `/publishers/google/models/${encodeURIComponent(upstreamId.replace(/^google\//, ""))}:fetchPredictOperation`, body: JSON.stringify({ operationName: ref }) }),
  progress: (answer) => ended(answer, ({ videos }) => {
    const films = objects(videos).flatMap(({ bytesBase64Encoded }) => filled(bytesBase64Encoded) ?? []);
    return films.length === 0 ? undefined : { is: "done", bytes: films[0], films: films.length };
  }),
  content: () => undefined,
};
