/**
 * Batches: the state of each in an object of its own, the Queue's consumer that reads, runs and writes them in parts, and how clients see them.
 * Does not belong here: URLs (routes), how a line is answered (pipeline), where files lie (files). Imports: pipeline, files, protocols by name,
 * the key's meter's words. Imported by routes and the worker.
 */
export { isBatchId, isOver, newBatchId, type Batch, type Shape } from "./batch.ts";
export { BatchRun } from "./batch-run.do.ts";
export { runOf } from "./bench.ts";
export { consume } from "./consumer.ts";
export { create, inputOf, type Maker } from "./create.ts";
export { endpointsOf } from "./endpoints.ts";
export { anthropicBatch, openaiBatch } from "./faces.ts";
export { countDeadLetters, deadLetters, listed, openBatches, refuseInput, unlist } from "./listing.ts";
export { mostLines } from "./read-input.ts";
export { requestLines } from "./request-lines.ts";
export type { Face } from "./words.ts";
