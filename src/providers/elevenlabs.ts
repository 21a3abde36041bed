import type { Provider } from "./provider.ts";

/** Speech and transcripts, and no conversations. https://elevenlabs.io/docs/api-reference */
export const elevenlabs: Provider = {
  id: "elevenlabs", name: "ElevenLabs", baseUrl: "https://api.elevenlabs.io",
  speaks: ["elevenlabs-speech", "elevenlabs-transcriptions"],
  auth: (secret) => ({ "xi-api-key": secret }),
  requestIdHeader: "request-id",
};
