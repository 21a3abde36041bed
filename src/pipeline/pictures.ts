/** Pictures as their client wants them, by address or as bytes, where the provider gives only the other. */
import type { Loss } from "../chat/index.ts";
import { Pictures } from "../pictures/index.ts";
import type { Attempt } from "../router/index.ts";
import { ask, readBounded } from "../upstream/index.ts";
import type { RequestContext } from "./context.ts";
import type { Relay } from "./relay.ts";

type Picture = { readonly b64_json?: unknown; readonly url?: unknown };

/** Largest picture that is fetched. */
const mostBytes = 24 * 1024 * 1024;
const utf8 = new TextDecoder();
const dataUrl = /^data:image\/[^;,]*(?:;[^;,]*)*?;base64,([^]*)$/;

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
    const had = await (wish === "url" ? addressed(run, one[other]) : fetched(run, attempt, one[other])).catch(() => undefined);
    if (had === undefined) losses.push("field:response_format");
    const { [other]: _, ...rest } = one;
    return had === undefined ? one : { ...rest, [wish]: had };
  }));
  return { body: JSON.stringify({ ...answer, data }), losses };
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
async function fetched({ hold }: Relay, { endpoint }: Attempt, url: string): Promise<string | undefined> {
  const inline = dataUrl.exec(url)?.[1];
  if (inline !== undefined) return inline;
  const response = await ask({ endpoint, protocol: "", at: url, signal: AbortSignal.any([hold.signal, AbortSignal.timeout(60_000)]) });
  const bytes = response.ok ? await readBounded(response.body, mostBytes) : void response.body?.cancel();
  return bytes?.toBase64();
}
