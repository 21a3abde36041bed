/** A request that names files of its organisation takes their bytes along, so that any model may read them: only we know what those ids are. */
import type { Principal } from "../accounts/index.ts";
import { parseExact } from "../chat/index.ts";
import { GatewayError } from "../errors.ts";
import { isFileId, storedId, type Files, type StoredFile } from "../files/index.ts";
import { filePlaces, type InlinedFile } from "../protocols/file-places.ts";
import { bodyLimit, tooLarge } from "./body.ts";
import type { RequestContext } from "./context.ts";

type Read = NonNullable<RequestContext["read"]>;

const mostFiles = 100;
/** What stands for a file that is gone where the request was sent with it: nobody reads it any more. */
const gone: InlinedFile = { filename: "", type: "application/pdf", bytes: new Uint8Array() };

/**
 * The request with its files in it, or as it is where it names none of ours: other ids are the provider's own. Throws `not_found` for an id
 * of ours that this organisation has no file of, unless it was sent before (`planned`), and `request_too_large` where the files make the request longer
 * than any may be.
 */
export async function inlined({ isolate: { files }, startedAtMs, planned }: Pick<RequestContext, "isolate" | "startedAtMs" | "planned">, { organisationId }: Principal, read: Read): Promise<Read> {
  if (!read.text.includes('"file_id"')) return read;
  // Numbers stay as they are written: the text is made anew of this.
  const body = parseExact(read.text);
  const places = filePlaces(body).filter(({ fileId }) => isFileId(fileId));
  if (places.length === 0) return read;
  const ids = [...new Set(places.map(({ fileId }) => storedId(fileId)))];
  if (ids.length > mostFiles) throw new GatewayError("invalid_request", `A request names at most ${mostFiles} files.`);
  const { data } = await files.list(organisationId, { ids, limit: mostFiles, order: "asc" }, startedAtMs);
  const known = new Map(data.map((file) => [file.id, file]));
  const named = places.map((place) => {
    const file = known.get(storedId(place.fileId));
    if (!file && !planned) throw noSuchFile(place.fileId, place.path);
    return { place, file };
  });
  const added = named.reduce((sum, { file }) => sum + Math.ceil((file?.bytes ?? 0) / 3) * 4, 0);
  if (read.text.length + added > bodyLimit) throw tooLarge();
  const contents = new Map<string, Uint8Array>();
  for (const { place, file } of named) {
    const bytes = file && (contents.get(file.id) ?? (await bytesOf(files, file)));
    if (!bytes && !planned) throw noSuchFile(place.fileId, place.path);
    if (bytes) contents.set(file.id, bytes);
    place.put(bytes ? { filename: file.filename, type: file.type, bytes } : gone);
  }
  const text = JSON.stringify(body);
  return { text, json: JSON.parse(text) as unknown };
}

async function bytesOf(files: Files, file: StoredFile): Promise<Uint8Array | undefined> {
  const stream = await files.read(file);
  return stream && new Uint8Array(await new Response(stream).arrayBuffer());
}

const noSuchFile = (id: string, param: string): GatewayError => new GatewayError("not_found", `${param}: there is no file ${JSON.stringify(id)}`, { param });
