/** Pictures asked of a model that draws them in a conversation: the prompt is its only turn, and what it draws is the answer. */
import type { ChatEvent, ChatRequest, FilePart, Part } from "../../chat/index.ts";
import { GatewayError } from "../../errors.ts";
import { openaiChat } from "../openai-chat/index.ts";
import type { ClientHalf, RenderContext, StreamRenderer } from "../protocol.ts";
import type { Json } from "../json.ts";
import { completed, renderImageUsage, renderPictures, type Event, type Picture } from "./image-answer.ts";
import { bytesOf, unsaid, wishIn, type Source } from "./image-wish.ts";

const protocolId = "openai-images";

function partOf(source: Source): FilePart {
  const bytes = bytesOf(source);
  if (bytes) return { type: "file", kind: "image", data: { base64: bytes.base64 }, mediaType: bytes.type };
  return { type: "file", kind: "image", data: "url" in source ? { url: source.url } : { fileId: (source as { fileId: string }).fileId } };
}

function parseRequest(body: unknown): ChatRequest {
  const json = body as Json;
  const { prompt, n, images, mask, seed } = wishIn(json);
  const rest = unsaid(json, ["seed", "user"]).flatMap((loss) => (loss.startsWith("field:") ? [[loss.slice(6), json[loss.slice(6)]] as const] : []));
  return {
    model: String(json.model), stream: json.stream === true || json.stream === "true", streamUsage: true, tools: [],
    turns: [{ role: "user", parts: [{ type: "text", text: prompt }, ...images.map(partOf), ...(mask ? [partOf(mask)] : [])] }],
    modalities: ["image", "text"], ...(n > 1 && { choices: n }), ...(seed !== undefined && { seed }), ...(typeof json.user === "string" && { user: json.user }),
    rest: { protocol: protocolId, fields: Object.fromEntries([...rest, ...(mask ? [["mask", true]] : [])]) },
  };
}

const isPicture = (part: Part): part is FilePart => part.type === "file" && part.kind === "image";
const pictureOf = ({ data }: FilePart): Picture[] => ("base64" in data ? [{ base64: data.base64 }] : "url" in data ? [{ url: data.url }] : []);

const asAsked = ({ request, nowS }: RenderContext) => ({ json: request.rest.fields, stream: request.stream, nowS });

/** Waits for the end: which picture is the last one, and what it took, is known only then. */
class PictureRenderer implements StreamRenderer {
  private readonly pictures: Picture[] = [];
  private usage: object | undefined;
  private readonly context: RenderContext;
  private readonly event: Event;

  constructor(context: RenderContext, event: Event) {
    this.context = context;
    this.event = event;
  }

  push(event: ChatEvent): string {
    if (event.type === "usage") this.usage = renderImageUsage(event.usage);
    if (event.type !== "part" || !isPicture(event.part)) return "";
    const before = this.pictures.splice(0);
    this.pictures.push(...pictureOf(event.part));
    return before.map((one) => this.frame(one)).join("");
  }

  end(): string {
    if (this.pictures.length === 0) return this.fail(none);
    return this.pictures.map((one) => this.frame(one, this.usage)).join("");
  }

  fail(error: GatewayError): string {
    return openaiChat.renderStreamError(error, this.context.requestId);
  }

  private frame(picture: Picture, usage?: object): string {
    return completed(picture, usage, asAsked(this.context), this.event);
  }
}

const none = new GatewayError("upstream_refused", "The model answered, and drew no picture.", {}, 400);

export const imageConversation = (event: Event): ClientHalf => ({
  parseRequest,
  renderResponse({ choices, usage }, context) {
    const pictures = choices.flatMap(({ parts }) => parts.filter(isPicture).flatMap(pictureOf));
    if (pictures.length === 0) throw none;
    const { n } = wishIn(context.request.rest.fields);
    return { body: renderPictures(pictures, usage, asAsked(context), event).body, losses: pictures.length < (context.request.choices ?? n) ? ["choices"] : [] };
  },
  renderStream: (context) => new PictureRenderer(context, event),
  streamType: "text/event-stream; charset=utf-8",
});
