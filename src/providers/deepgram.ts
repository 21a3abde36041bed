import type { Provider } from "./provider.ts";

/** Speech and transcripts, and no conversations. https://developers.deepgram.com/reference */
export const deepgram: Provider = {
  id: "deepgram", name: "Deepgram", baseUrl: "https://api.deepgram.com",
  speaks: ["deepgram-speech", "deepgram-transcriptions"],
  auth: (secret) => ({ authorization: `Token ${secret}` }),
  requestIdHeader: "dg-request-id",
};
