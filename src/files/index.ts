/**
 * Files of organisations: bytes in R2, sealed, and what is known of them in D1; a file is whole or is not there. Does not belong here: how
 * a client asks for one and how it is told of it (routes), what stands in one (batches, pipeline).
 * Imports: errors, telemetry, how accounts seal a secret.
 */
export { KeptBodies, type Bodies, type Body } from "./bodies.ts";
export { isFileId, newDigits, newFileId, storedId, type FileMeta, type StoredFile } from "./file.ts";
export { Files, type Range, type Written } from "./files.ts";
export { dispositionOf, fileNameOf, fileTypeOf } from "./naming.ts";
export { livesOf, mostFileBytes, purposes } from "./purpose.ts";
export { Uploads, type Upload } from "./uploads.ts";
