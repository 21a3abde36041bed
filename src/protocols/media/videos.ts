/** OpenAI's videos: what asks for one, and how one is told of, in OpenAI's shape and in OpenRouter's. https://platform.openai.com/docs/api-reference/videos */
import { openaiChat } from "../openai-chat/index.ts";
import type { Protocol } from "../protocol.ts";
import { generationId } from "../openrouter/generation-id.ts";
import { videoMakers } from "./video-makers.ts";
import { parseVideo } from "./video-wish.ts";

const { conversation: _, ...plain } = openaiChat;

/** POST /v1/videos. What is asked is begun, and goes on by itself. */
export const openaiVideos: Protocol = { ...plain, id: "openai-videos", kind: "video", path: "/videos", parse: parseVideo, edits: () => ({}), jobs: videoMakers };

export type VideoStatus = "queued" | "in_progress" | "completed" | "failed" | "cancelled" | "expired";

/** A film as far as it is. Times are Unix seconds. */
export type Video = {
  readonly id: string;
  readonly requestId: string;
  readonly model: string;
  readonly status: VideoStatus;
  readonly percent: number;
  readonly createdAtS: number;
  readonly completedAtS: number | undefined;
  readonly expiresAtS: number | undefined;
  readonly seconds: number | undefined;
  readonly size: string | undefined;
  readonly prompt: string | undefined;
  readonly error: { readonly code: string; readonly message: string } | undefined;
  readonly madeFrom: string | undefined;
  /** undefined: it is not known yet, or has no price. */
  readonly costUsd: number | undefined;
  readonly isOwnKey: boolean;
};

const inOpenai: Readonly<Record<VideoStatus, string>> = { queued: "queued", in_progress: "in_progress", completed: "completed", failed: "failed", cancelled: "failed", expired: "failed" };

export const renderVideo = ({ id, model, status, percent, createdAtS, completedAtS, expiresAtS, seconds, size, prompt, error, madeFrom }: Video): object => ({
  id, object: "video", model, status: inOpenai[status], progress: status === "completed" ? 100 : percent, created_at: createdAtS, completed_at: completedAtS ?? null, expires_at: expiresAtS ?? null,
  seconds: seconds === undefined ? null : String(seconds), size: size ?? null, prompt: prompt ?? null, error: error ?? null, remixed_from_video_id: madeFrom ?? null,
});

/** The same as OpenRouter tells it, at the address under which its videos are. https://openrouter.ai/docs/features/multimodal/video-generation */
export const renderOpenrouterVideo = (video: Video, videosUrl: string): object => ({
  id: video.id, polling_url: `${videosUrl}/${video.id}`, status: video.status === "queued" ? "pending" : video.status, ...endOf(video, videosUrl),
});

/** What is known of one that has ended. */
const endOf = ({ id, requestId, status, error, costUsd, isOwnKey }: Video, videosUrl: string): object => (status === "queued" || status === "in_progress" ? {} : {
  generation_id: generationId(requestId), ...(status === "completed" && { unsigned_urls: [`${videosUrl}/${id}/content?index=0`] }),
  ...(error && { error: error.message }), ...(costUsd !== undefined && { usage: { cost: costUsd, is_byok: isOwnKey } }),
});

/** What its client's own server is told of its end. `atMs`: when that was. */
export const renderVideoEvent = (video: Video, videosUrl: string, atMs: number): object => ({
  type: `video.generation.${video.status}`, created_at: new Date(atMs).toISOString(), data: { id: video.id, status: video.status, model: video.model, ...endOf(video, videosUrl) },
});
