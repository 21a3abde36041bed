/** A file out of a client's form: it streams into the store while it comes, and is a file when all that is said of it has come and is right. */
import type { Principal } from "../accounts/index.ts";
import { noLonger } from "../accounts/retention.ts";
import { GatewayError } from "../errors.ts";
import { fileNameOf, fileTypeOf, mostFileBytes, newFileId, type StoredFile, type Written } from "../files/index.ts";
import { Form, type FormPart } from "../form.ts";
import type { RequestContext } from "../pipeline/index.ts";
import type { FileShape } from "./file-shapes.ts";

const MiB = 1024 * 1024;
/** What a form may have beside its file, and one field of it. */
const formBytes = MiB;
const fieldBytes = 64 * 1024;

type FilePart = Extract<FormPart, { body: unknown }>;

/** Limits of a form with a file of at most `mostBytes`; the file itself is counted by whoever stores it. */
export const formLimits = (mostBytes: number) => ({ mostBytes: mostBytes + formBytes, mostFieldBytes: fieldBytes });

const twice = (name: string): GatewayError => new GatewayError("invalid_request", `${name}: is given more than once`, { param: name });
const missing = (name: string): GatewayError => new GatewayError("invalid_request", `${name}: is missing; it must be a file in the form`, { param: name });

/**
 * Reads a form to its end. `take` gets its one file, called `name`, as it comes; `field` every field that is in `fields`. Throws what they do,
 * and `invalid_request` where the file or a field comes twice, is no file, or is missing.
 */
export async function readForm(form: Form, { name, fields }: { name: string; fields: readonly string[] }, take: (file: FilePart) => Promise<void>, field: (name: string, value: string) => void = () => {}): Promise<void> {
  const seen = new Set<string>();
  try {
    for (let part = await form.next(); part; part = await form.next()) {
      if (part.name !== name && !fields.includes(part.name)) continue;
      if (seen.has(part.name)) throw twice(part.name);
      seen.add(part.name);
      if (("body" in part) !== (part.name === name)) throw part.name === name ? missing(name) : new GatewayError("invalid_request", `${part.name}: must be text`, { param: part.name });
      if ("body" in part) await take(part);
      else field(part.name, part.value);
    }
    if (!seen.has(name)) throw missing(name);
  } finally {
    form.release();
  }
}

/** Takes a file. Throws what is wrong with the form, `request_too_large` or `quota_exceeded`; then nothing is kept. */
export async function takeFile({ request, isolate: { files }, startedAtMs }: RequestContext, { organisationId, keeps }: Principal, shape: FileShape): Promise<StoredFile> {
  const form = new Form(request, formLimits(mostFileBytes));
  const fields = new Map<string, string>();
  let came: { written: Written; filename: string; type: string } | undefined;
  try {
    await readForm(form, { name: "file", fields: shape.fields }, async ({ filename, type, body }) => {
      const name = fileNameOf(filename);
      came = { written: await files.write(organisationId, newFileId(startedAtMs), body, { mostBytes: mostFileBytes }, startedAtMs), filename: name, type: fileTypeOf(type, name) };
    }, (name, value) => {
      fields.set(name, value);
      shape.meant(fields, false);
    });
    const { purpose, livesMs: said } = shape.meant(fields, true);
    const livesMs = noLonger(said, keeps?.fileDays);
    const { written, filename, type } = came!;
    return await files.keep(written, { filename, type, purpose, expiresAtMs: livesMs === undefined ? undefined : startedAtMs + livesMs }, startedAtMs);
  } catch (thrown) {
    if (came) await files.drop(came.written).catch(() => {});
    throw thrown;
  }
}
