/** Vectors, rankings, moderations, speech, pictures and films. */
import * as z from "zod";
import type { requestSchemas } from "../protocols/request-schemas.ts";
import * as videos from "../routes/videos.ts";
import type { Family } from "./operation.ts";

const openai = (page: string): string => `https://platform.openai.com/docs/api-reference/${page}`;
const picture = () => z.string().meta({ format: "binary" });
const events = "text/event-stream";
const cohere = "https://docs.cohere.com/reference/rerank";

export const mediaFamilies = (bodies: ReturnType<typeof requestSchemas>): Family[] => [
  {
    name: "Vectors", about: "Embeddings, rankings and moderations, whoever makes them.",
    operations: [
      { on: "POST /v1/embeddings", is: "Embed texts", docs: openai("embeddings/create"), asks: true, json: bodies.EmbeddingRequest },
      { on: "POST /v1/rerank", is: "Rank documents by a query", says: "Any embedding model can stand in; that is declared in `X-Forge-Losses`.", docs: cohere, asks: true, json: bodies.RerankRequest },
      { on: "POST /v2/rerank", is: "The same, where Cohere's clients of its second version go", docs: cohere, asks: true, json: bodies.RerankRequest },
      { on: "POST /v1/moderations", is: "Say what is wrong with texts and pictures", docs: openai("moderations/create"), asks: true, json: bodies.ModerationRequest },
    ],
  },
  {
    name: "Audio", about: "Speech and transcripts.",
    operations: [
      { on: "POST /v1/audio/speech", is: "Speak a text", says: "`stream_format: \"sse\"` for events in place of bytes.", docs: openai("audio/createSpeech"), asks: true, json: bodies.SpeechRequest, type: "audio/mpeg", streams: events },
      { on: "POST /v1/audio/transcriptions", is: "Write down what is said", docs: openai("audio/createTranscription"), asks: true, form: bodies.TranscriptionForm, streams: events },
      { on: "POST /v1/audio/translations", is: "Write down in English what is said", docs: openai("audio/createTranslation"), asks: true, form: bodies.TranslationForm, streams: events },
    ],
  },
  {
    name: "Images", about: "Pictures made, edited and varied. With `response_format: \"url\"` a picture has an address here for an hour.",
    operations: [
      { on: "POST /v1/images/generations", is: "Make pictures", docs: openai("images/create"), asks: true, json: bodies.ImageRequest, streams: events },
      {
        on: "POST /v1/images/edits", is: "Edit pictures", says: "A form with the pictures, or JSON with their addresses.", docs: openai("images/createEdit"), asks: true, streams: events,
        json: bodies.ImageRequest.extend({ images: z.array(z.object({ image_url: z.string() })) }), form: bodies.ImageRequest.extend({ image: picture(), mask: picture().optional() }),
      },
      { on: "POST /v1/images/variations", is: "Vary a picture", docs: openai("images/createVariation"), asks: true, form: bodies.ImageVariationForm.extend({ image: picture() }) },
      { on: "GET /v1/images/files/{picture}", is: "A picture by its address", by: "anyone", type: "image/png" },
    ],
  },
  {
    name: "Videos", about: "Films: begun, asked after, fetched.",
    operations: [
      { on: "POST /v1/videos", is: "Begin a film", docs: openai("videos/create"), asks: true, json: bodies.VideoRequest, form: bodies.VideoRequest.extend({ input_reference: picture().optional() }) },
      { on: "GET /v1/videos", is: "List films", docs: openai("videos/list"), query: videos.listQuery },
      { on: "GET /v1/videos/{video_id}", is: "How a film stands", docs: openai("videos/retrieve") },
      { on: "DELETE /v1/videos/{video_id}", is: "Delete a film", docs: openai("videos/delete") },
      { on: "GET /v1/videos/{video_id}/content", is: "The film itself", docs: openai("videos/content"), query: videos.contentQuery, type: "video/mp4" },
      { on: "POST /v1/videos/{video_id}/remix", is: "Make a film of another one", docs: openai("videos/remix"), asks: true, json: z.object({ prompt: bodies.VideoRequest.shape.prompt }) },
      ...(["edits", "extensions"] as const).map((how) => ({
        on: `POST /v1/videos/${how}`, is: how === "edits" ? "Edit a film" : "Make a film longer", docs: openai(`videos/${how}`), asks: true,
        json: z.object({ prompt: bodies.VideoRequest.shape.prompt, video: z.object({ id: z.string() }), seconds: bodies.VideoRequest.shape.seconds }),
      } as const)),
    ],
  },
];
