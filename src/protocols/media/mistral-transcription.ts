/** Mistral's transcriptions: OpenAI's form, segments with speakers, and a stream of its own. https://docs.mistral.ai/capabilities/audio_transcription */
import { formWith, type Crossing, type CrossingContext, type Retold } from "../crossing.ts";
import { stringIn } from "../json.ts";
import { errorMessage } from "../openai-chat/stream.ts";
import type { Observation, StreamObserver } from "../protocol.ts";
import { dataOf, objectOf, splitFrames } from "../sse.ts";
import { answerIn } from "./answer.ts";
import { segmentsIn, wordsIn } from "./segmented-transcription.ts";
import { unheard } from "./speech-request.ts";
import { heard, told } from "./transcript.ts";
import { usageIn, usageOfAnswer } from "./transcript-usage.ts";
import { deltaEvent, endEvent, streamEnd } from "./transcription-events.ts";
import { ownFieldsIn, transcriptionIn, type Transcription } from "./transcription-request.ts";

/** Only text comes as it is written; times and speakers are told of the whole. */
const streams = ({ stream, timed }: Transcription): boolean => stream && !timed;

export const mistralTranscription: Crossing = {
  id: "mistral-transcriptions",
  path: () => "/audio/transcriptions",
  /** Times and a language exclude each other, its page says. */
  render({ json, upstreamId }) {
    const asked = transcriptionIn(json, "transcribe");
    const { file, language, temperature, prompt, timed, words, speakers } = asked;
    const form = formWith({}, {
      model: upstreamId, file, language: timed ? undefined : language, temperature, stream: streams(asked) || undefined,
      timestamp_granularities: timed ? [words ? "word" : "segment"] : undefined, diarize: speakers || undefined,
    });
    return { body: { form }, losses: unheard({ language: timed && language !== undefined, prompt, ...ownFieldsIn(json) }) };
  },
  read({ bytes }, { json, facts, provider }): Retold {
    const answer = answerIn(bytes, provider);
    const { text, language, segments } = answer;
    const { usage, seconds } = usageOfAnswer(answer);
    const asked = transcriptionIn(json, "transcribe");
    const spoken = segmentsIn(segments)?.map(({ more, ...segment }) => ({ ...segment, speaker: stringIn(more?.speaker_id) }));
    const transcript = { text: stringIn(text) ?? "", language: stringIn(language), seconds, usage, ...(asked.words ? { words: wordsIn(segments) } : { segments: spoken }) };
    return told(transcript, asked, facts, provider);
  },
  watch: (context) => new MistralStream(context),
};

type Event = { type?: unknown; text?: unknown; usage?: unknown; error?: unknown; message?: unknown };

/** Its events, told as OpenAI's. */
class MistralStream implements StreamObserver {
  readonly seen: Observation = { usage: undefined, reportedNanoUsd: undefined, error: undefined, terminated: false, outputCharacters: 0 };
  private readonly context: CrossingContext;

  constructor(context: CrossingContext) {
    this.context = context;
  }

  push(frames: string): string {
    return splitFrames(frames).map((one) => this.told(objectOf<Event>(dataOf(one)))).join("");
  }

  private told(event: Event | undefined): string {
    const { type, text, usage, error } = event ?? {};
    if (error) this.seen.error = errorMessage(error);
    if (type === "transcription.text.delta" && typeof text === "string") {
      this.seen.outputCharacters += text.length;
      return deltaEvent(text);
    }
    if (type !== "transcription.done") return "";
    const said = stringIn(text) ?? "";
    const { usage: tokens, seconds } = usageIn(usage);
    Object.assign(this.seen, heard({ text: said, seconds, usage: tokens }, this.context.facts));
    const counted = tokens && { type: "tokens", input_tokens: tokens.inputTokens, output_tokens: tokens.outputTokens, total_tokens: tokens.inputTokens + tokens.outputTokens };
    return endEvent(said, counted) + streamEnd;
  }
}
