/** InsForge's legacy AI proxy, the client's half: chat, pictures. https://docs.insforge.dev */
import { openaiChat } from "../openai-chat/index.ts";
import type { ClientHalf, Protocol } from "../protocol.ts";
import { renderError, renderStreamError } from "./error.ts";
import { EventRenderer, renderChat, renderPictures } from "./render.ts";
import { chatOf, pictureOf } from "./request.ts";

export { renderError } from "./error.ts";

/** A dialect of chat completions: its body is one as `chat` reads it, its answers are written by `render`. */
const dialect = (id: string, chat: (body: unknown) => Record<string, unknown>, renderResponse: ClientHalf["renderResponse"]): Protocol => ({
  ...openaiChat, id, renderError, renderStreamError,
  parse: (body) => openaiChat.parse(chat(body)),
  conversation: {
    parseRequest: (body) => openaiChat.conversation!.parseRequest(chat(body)),
    renderResponse,
    renderStream: () => new EventRenderer(),
    streamType: "text/event-stream; charset=utf-8",
  },
});

export const insforgeChat = dialect("insforge-chat", chatOf, renderChat);
export const insforgeImages = dialect("insforge-images", pictureOf, renderPictures);
