/** A file that somebody chose on a page: it streams into the store while it comes, and is a file when all that is said of it is right. */
import * as z from "zod";
import { retentionOf } from "../accounts/keeping.ts";
import { noLonger } from "../accounts/retention.ts";
import { GatewayError } from "../errors.ts";
import { fileNameOf, fileTypeOf, livesOf, mostFileBytes, newFileId, purposes, type StoredFile, type Written } from "../files/index.ts";
import { Form } from "../form.ts";
import type { MemberVisit } from "./visit.ts";

const formBytes = 1024 * 1024;
const fieldBytes = 4 * 1024;
const day = 86_400;

/** How long a file may be kept, in seconds. */
export const lives = [["", "As its purpose has it"], [String(day), "A day"], [String(7 * day), "A week"], [String(30 * day), "30 days"]] as const;

const schema = z.object({ purpose: z.enum(purposes, "Choose what it is for."), lives: z.enum(lives.map(([seconds]) => seconds)).catch("").transform((text) => (text === "" ? undefined : Number(text))) });

const invalid = (param: string, message: string): GatewayError => new GatewayError("invalid_request", message, { param });

/** Takes the file of a form. Throws `invalid_request`, `request_too_large`, `quota_exceeded` or `unsupported_media_type`; then nothing is kept. */
export async function takeUpload({ c, env, isolate: { files }, membership: { organisationId }, nowMs }: MemberVisit): Promise<StoredFile> {
  const form = new Form(c.req.raw, { mostBytes: mostFileBytes + formBytes, mostFieldBytes: fieldBytes });
  const fields: Record<string, string> = {};
  let came: { written: Written; filename: string; type: string } | undefined;
  try {
    for (let part = await form.next(); part; part = await form.next()) {
      if ("value" in part) fields[part.name] = part.value;
      // A browser sends a nameless part where no file was chosen.
      else if (part.name === "file" && part.filename !== "" && !came) {
        const filename = fileNameOf(part.filename);
        came = { written: await files.write(organisationId, newFileId(nowMs), part.body, { mostBytes: mostFileBytes }, nowMs), filename, type: fileTypeOf(part.type, filename) };
      }
    }
    if (!came) throw invalid("file", "Choose a file first.");
    const said = schema.safeParse(fields);
    if (!said.success) throw invalid("purpose", said.error.issues[0]!.message);
    const { purpose } = said.data;
    const { fileDays } = await retentionOf(env.DB, organisationId);
    const livesMs = noLonger(livesOf(purpose, said.data.lives), fileDays);
    return await files.keep(came.written, { filename: came.filename, type: came.type, purpose, expiresAtMs: livesMs === undefined ? undefined : nowMs + livesMs }, nowMs);
  } catch (thrown) {
    if (came) await files.drop(came.written).catch(() => {});
    throw thrown;
  } finally {
    form.release();
  }
}
