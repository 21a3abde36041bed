/** What each provider says of one recording in its own words: two speakers, two sentences, four seconds. */
import type { Crossing } from "../../src/protocols/protocol.ts";

export const text = "Hello there. Who is it?";
const utterances = [
  { transcript: "Hello there.", start: 0.1, end: 1.2, speaker: 0 },
  { transcript: "Who is it?", start: 2.5, end: 3.6, speaker: 1 },
];
const words = [["Hello", 0.1, 0.5, 0], ["there.", 0.6, 1.2, 0], ["Who", 2.5, 2.8, 1], ["is", 2.9, 3.1, 1], ["it?", 3.2, 3.6, 1]] as const;
const deepgram = {
  metadata: { duration: 4 },
  results: {
    channels: [{ detected_language: "en", alternatives: [{ transcript: text, words: words.map(([word, start, end, speaker]) => ({ word: word.toLowerCase(), punctuated_word: word, start, end, speaker })) }] }],
    utterances,
  },
};
const whisperSegments = utterances.map(({ transcript, start, end }, id) => ({ id, seek: 0, start, end, text: ` ${transcript}`, tokens: [1, 2], temperature: 0, avg_logprob: -0.2, compression_ratio: 1.1, no_speech_prob: 0.01 }));
const gemini = (said: string): object => ({ candidates: [{ content: { parts: [{ text: said }] }, finishReason: "STOP" }], usageMetadata: { promptTokenCount: 140, candidatesTokenCount: 30, totalTokenCount: 170, promptTokensDetails: [{ modality: "AUDIO", tokenCount: 128 }, { modality: "TEXT", tokenCount: 12 }] } });
const geminiTimed = JSON.stringify({ language: "en", segments: utterances.map(({ transcript, start, end, speaker }) => ({ text: transcript, start, end, speaker: `Speaker ${speaker}` })) });

/** A crossing as one of its models, and its whole answer to what was asked of it. */
export type Case = { readonly crossing: string; readonly upstreamId: string; readonly answer: (timed: boolean) => object };

export const cases: Record<string, Case> = {
  groq: { crossing: "segmented-transcriptions", upstreamId: "whisper-large-v3", answer: (timed) => (timed ? { task: "transcribe", language: "english", duration: 4, text, segments: whisperSegments, words: words.map(([word, start, end]) => ({ word, start, end })) } : { text, x_groq: { id: "req" } }) },
  mistral: {
    crossing: "mistral-transcriptions", upstreamId: "voxtral-mini-latest",
    answer: () => ({ model: "voxtral-mini-latest", text, language: "en", segments: utterances.map(({ transcript, speaker, ...times }) => ({ type: "transcription_segment", text: transcript, ...times, speaker_id: `speaker_${speaker}` })), usage: { prompt_audio_seconds: 4, prompt_tokens: 3, total_tokens: 389, completion_tokens: 11, prompt_tokens_details: { cached_tokens: 0, audio_tokens: 375 } } }),
  },
  elevenlabs: {
    crossing: "elevenlabs-transcriptions", upstreamId: "scribe_v1",
    answer: () => ({ language_code: "eng", language_probability: 1, text, words: words.flatMap(([word, start, end, speaker]) => [{ text: word, start, end, type: "word", speaker_id: `speaker_${speaker}` }, { text: " ", start: end, end, type: "spacing", speaker_id: `speaker_${speaker}` }]) }),
  },
  deepgram: { crossing: "deepgram-transcriptions", upstreamId: "nova-3", answer: () => deepgram },
  gemini: { crossing: "gemini-transcriptions", upstreamId: "gemini-2.5-flash", answer: (timed) => gemini(timed ? geminiTimed : `${text}\n`) },
  xai: { crossing: "xai-transcriptions", upstreamId: "stt", answer: () => ({ text, language: "en", duration: 4, words: words.map(([word, start, end, speaker]) => ({ text: word, start, end, speaker })) }) },
  cohere: { crossing: "cohere-transcriptions", upstreamId: "cohere-transcribe-03-2026", answer: () => ({ text: ` ${text}` }) },
  whisper: { crossing: "workers-ai-transcriptions", upstreamId: "@cf/openai/whisper", answer: () => ({ success: true, result: { text, word_count: 5, words: words.map(([word, start, end]) => ({ word, start, end })) } }) },
  turbo: {
    crossing: "workers-ai-transcriptions", upstreamId: "@cf/openai/whisper-large-v3-turbo",
    answer: () => ({ success: true, result: { text, transcription_info: { language: "en", duration: 4 }, segments: whisperSegments.map(({ start, end, text: said, avg_logprob }, i) => ({ start, end, text: said, avg_logprob, words: words.slice(i * 2, i * 2 + 2 + i).map(([word, from, to]) => ({ word, start: from, end: to })) })) } }),
  },
  nova: { crossing: "workers-ai-transcriptions", upstreamId: "@cf/deepgram/nova-3", answer: () => ({ success: true, result: deepgram }) },
};

export const translations: Record<string, Case> = {
  groq: { ...cases.groq!, crossing: "segmented-translations" },
  gemini: { ...cases.gemini!, crossing: "gemini-translations" },
  turbo: { ...cases.turbo!, crossing: "workers-ai-translations" },
};

export const crossingOf = (crossings: readonly Crossing[], { crossing: id }: Case): Crossing => crossings.find((one) => one.id === id)!;
