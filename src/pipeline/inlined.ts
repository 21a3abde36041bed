/** A request that names files of its organisation takes their bytes along, so that any model may read them: only we know what those ids are. */
import type { Principal } from "../accounts/index.ts";
import { parseExact } from "../chat/index.ts";
import { GatewayError } from "../errors.ts";
import { isFileId, storedId } from "../files/index.ts";
import { filePlaces } from "../protocols/file-places.ts";
import { bodyLimit, tooLarge } from "./body.ts";
import type { RequestContext } from "./context.ts";

type Read = NonNullable<RequestContext["read"]>;

const mostFiles = 100;

/**
 * The request with its files in it, or as it is where it names none of ours: other ids are the provider's own. Throws `not_found` for an id
 * of ours that this organisation has no file of, and `request_too_large` where the files make the request longer than any may be.
 */
export async function inlined({ isolate: { files }, startedAtMs }: Pick<RequestContext, "isolate" | "startedAtMs">, { organisationId }: Principal, read: Read): Promise<Read> {
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
    if (!file) throw noSuchFile(place.fileId, place.path);
    return { place, file };
  });
  const added = named.reduce((sum, { file }) => sum + Math.ceil(file.bytes / 3) * 4, 0);
  if (read.text.length + added > bodyLimit) throw tooLarge();
  const contents = new Map<string, Uint8Array>();
  for (const { place, file } of named) {
    let bytes = contents.get(file.id);
    if (!bytes) {
      const stream = await files.read(file);
      if (!stream) throw noSuchFile(place.fileId, place.path);
      contents.set(file.id, (bytes = new Uint8Array(await new Response(stream).arrayBuffer())));
    }
    place.put({ filename: file.filename, type: file.type, bytes });
  }
  const text = JSON.stringify(body);
  return { text, json: JSON.parse(text) as unknown };
}

const noSuchFile = (id: string, param: string): GatewayError => new GatewayError("not_found", `${param}: there is no file ${JSON.stringify(id)}`, { param });
