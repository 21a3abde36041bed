/** Pictures as their client wants them, by address or as bytes, where the provider gives only the other. */
import type { Loss } from "../chat/index.ts";
import { GatewayError } from "../errors.ts";
import { Pictures } from "../pictures/index.ts";
import type { Attempt } from "../router/index.ts";
import { ask, readBounded } from "../upstream/index.ts";
import type { RequestContext } from "./context.ts";
import type { Relay } from "./relay.ts";

type Picture = { readonly b64_json?: unknown; readonly url?: unknown };

/** Largest picture that is fetched. */
const mostBytes = 24 * 1024 * 1024;
const utf8 = new TextDecoder();
const pictureType = /^image\/(?:png|jpeg|webp|gif)/;
const dataUrl = /^data:(image\/[^;,]*)(?:;[^;,]*)*?;base64,([^]*)$/;

/** Where pictures are had by their addresses here. */
export const picturesPath = "/v1/images/files";

/** Retells an answer. What cannot be had as it was asked for stays as it is, which is declared: it is paid for. */
export const retellPictures: NonNullable<RequestContext["retells"]> = async (run, attempt, body) => {
  const wish = run.json.response_format;
  if (run.facts.stream || (wish !== "url" && wish !== "b64_json")) return undefined;
  const answer = answerIn(typeof body === "string" ? body : utf8.decode(body));
  const other = wish === "url" ? "b64_json" : "url";
  if (!answer?.data.some((one) => typeof one[wish] !== "string" && typeof one[other] === "string")) return undefined;
  const losses: Loss[] = [];
  const data = await Promise.all(answer.data.map(async (one) => {
    if (typeof one[wish] === "string" || typeof one[other] !== "string") return one;
    const had = await (wish === "url" ? addressed(run, one[other]) : fetched(run, attempt, one[other]).then((came) => came?.base64)).catch(() => undefined);
    if (had === undefined) losses.push("field:response_format");
    const { [other]: _, ...rest } = one;
    return had === undefined ? one : { ...rest, [wish]: had };
  }));
  return { body: JSON.stringify({ ...answer, data }), losses };
};

/** Retells an answer to OpenRouter's clients, who want bytes always: those that cannot be had are missing, and where it is a stream that was asked for, it is one. */
export const picturesAsBytes: NonNullable<RequestContext["retells"]> = async (run, attempt, body) => {
  const answer = answerIn(typeof body === "string" ? body : utf8.decode(body));
  if (!answer) return undefined;
  const { name } = attempt.endpoint.provider;
  const { facts: { stream }, protocol: { streamed } } = run;
  if (answer.data.length === 0) return { error: new GatewayError("upstream_error", `${name} made no picture.`) };
  if (!stream && answer.data.every(({ b64_json: base64 }) => typeof base64 === "string")) return undefined;
  const had = await Promise.all(answer.data.map(async ({ b64_json: base64, url, ...rest }) => {
    if (typeof base64 === "string") return { ...rest, b64_json: base64 };
    const came = typeof url === "string" ? await fetched(run, attempt, url).catch(() => undefined) : undefined;
    return came && { ...rest, b64_json: came.base64, ...(came.type !== undefined && { media_type: came.type }) };
  }));
  const data = had.filter((one) => one !== undefined);
  if (data.length === 0) return { error: new GatewayError("upstream_error", `${name} made a picture, and it could not be had.`) };
  const losses: Loss[] = data.length < had.length ? ["field:n"] : [];
  const whole = { ...answer, data };
  return stream && streamed ? { body: streamed(whole), type: "text/event-stream; charset=utf-8", losses } : { body: JSON.stringify(whole), losses };
};

function answerIn(text: string): { readonly data: readonly Picture[] } | undefined {
  try {
    const answer = JSON.parse(text) as { data?: unknown } | null;
    const data = answer?.data;
    return Array.isArray(data) && data.every((one) => typeof one === "object" && one !== null) ? { ...answer, data: data as Picture[] } : undefined;
  } catch {
    return undefined;
  }
}

/** An address of ours for bytes. */
async function addressed({ context: { request, isolate } }: Relay, base64: string): Promise<string | undefined> {
  const name = await new Pictures(isolate.env.FILES).keep(Uint8Array.fromBase64(base64), Date.now());
  return name && `${new URL(request.url).origin}${picturesPath}/${name}`;
}

/** The bytes at a provider's address, and nobody else's. */
async function fetched({ hold }: Relay, { endpoint }: Attempt, url: string): Promise<{ base64: string; type: string | undefined } | undefined> {
  const [, inlineType, inline] = dataUrl.exec(url) ?? [];
  if (inline !== undefined) return { base64: inline, type: inlineType };
  const response = await ask({ endpoint, protocol: "", at: url, signal: AbortSignal.any([hold.signal, AbortSignal.timeout(60_000)]) });
  const bytes = response.ok ? await readBounded(response.body, mostBytes) : void response.body?.cancel();
  return bytes && { base64: bytes.toBase64(), type: pictureType.exec(response.headers.get("content-type") ?? "")?.[0] };
}
