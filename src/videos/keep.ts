/** A film whose provider does not keep it for long is kept here: a file of its organisation's, sealed as all of them are. */
import { noLonger } from "../accounts/retention.ts";
import { GatewayError } from "../errors.ts";
import type { Isolate } from "../pipeline/index.ts";
import type { Endpoint } from "../providers/index.ts";
import { ask } from "../upstream/index.ts";
import { inTime } from "./follow.ts";
import type { Job } from "./job.ts";

const mostBytes = 512 * 1024 * 1024;
const fetchMs = 10 * 60_000;
const keptMs = 30 * 86_400_000;
/** Base64 is decoded in such pieces: each is whole bytes. */
const pieceLength = 4 * 64 * 1024;

type Film = { readonly base64: string } | { readonly endpoint: Endpoint; readonly protocol: string; readonly at: string };

/** Keeps it under this id; again changes nothing. Throws where it cannot be had or kept. */
export async function keepFilm({ files }: Isolate, { organisationId, id, createdAtMs, keptDays }: Job, fileId: string, film: Film): Promise<void> {
  await inTime(fetchMs, async (signal) => {
    const body = "base64" in film ? pieces(film.base64) : await fetched(film, signal);
    await files.put(organisationId, { id: fileId, filename: `${id}.mp4`, purpose: "video_output", type: "video/mp4", expiresAtMs: createdAtMs + noLonger(keptMs, keptDays) }, body, { mostBytes }, Date.now());
  });
}

async function* pieces(base64: string): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < base64.length; at += pieceLength) yield Uint8Array.fromBase64(base64.slice(at, at + pieceLength));
}

async function fetched({ endpoint, protocol, at }: Exclude<Film, { base64: string }>, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
  const response = await ask({ endpoint, protocol, at, signal });
  if (!response.ok || !response.body) throw new GatewayError("upstream_error", `${endpoint.provider.name} answered ${response.status} when it was asked for the film.`);
  return response.body;
}
