/** Batches as their clients see them. Pure. */
import { endedAtMs, isOver, type Batch, type InputError } from "./batch.ts";
import type { Face } from "./words.ts";

const seconds = (ms: number | undefined): number | null => (ms === undefined ? null : Math.floor(ms / 1_000));
const iso = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString());

/** Lines that have no answer, once none will come. */
const unanswered = ({ batch, sums: { completed, failed } }: Face): number => (isOver(batch) ? Math.max(0, batch.total - completed - failed) : 0);

/** https://platform.openai.com/docs/api-reference/batch/object */
export function openaiBatch(face: Face): Record<string, unknown> {
  const { batch, sums: { completed, failed, usage } } = face;
  const { inputTokens, cachedTokens, outputTokens, reasoningTokens } = usage;
  return {
    id: batch.id, object: "batch", endpoint: batch.endpoint, model: batch.model ?? null, errors: errorsOf(batch.errors), input_file_id: batch.inputFileId,
    completion_window: "24h", status: batch.status,
    output_file_id: batch.written?.output ? batch.files.output : null, error_file_id: batch.written?.errors ? batch.files.errors : null,
    created_at: seconds(batch.createdAtMs), in_progress_at: seconds(batch.inProgressAtMs), expires_at: seconds(batch.expiresAtMs),
    finalizing_at: seconds(batch.finalizingAtMs), completed_at: seconds(batch.completedAtMs), failed_at: seconds(batch.failedAtMs),
    expired_at: seconds(batch.expiredAtMs), cancelling_at: seconds(batch.cancellingAtMs), cancelled_at: seconds(batch.cancelledAtMs),
    request_counts: { total: batch.total, completed, failed: failed + unanswered(face) },
    usage: {
      input_tokens: inputTokens, input_tokens_details: { cached_tokens: cachedTokens }, output_tokens: outputTokens,
      output_tokens_details: { reasoning_tokens: reasoningTokens }, total_tokens: inputTokens + outputTokens,
    },
    metadata: batch.metadata,
  };
}

const errorsOf = (errors: readonly InputError[] | undefined): object | null => (errors ? { object: "list", data: errors } : null);

/** https://docs.anthropic.com/en/api/retrieving-message-batches */
export function anthropicBatch(face: Face, results: (batch: Batch) => string): Record<string, unknown> {
  const { batch, sums: { completed, failed } } = face;
  const { id, ending, status, total, createdAtMs, expiresAtMs, cancellingAtMs } = batch;
  const ended = isOver(batch);
  const rest = unanswered(face);
  return {
    id, type: "message_batch", processing_status: ended ? "ended" : status === "cancelling" ? "canceling" : "in_progress",
    request_counts: {
      processing: ended ? 0 : total - completed - failed, succeeded: completed, errored: failed + (ending === "completed" || status === "failed" ? rest : 0),
      canceled: ending === "cancelled" ? rest : 0, expired: ending === "expired" ? rest : 0,
    },
    created_at: iso(createdAtMs), expires_at: iso(expiresAtMs), ended_at: iso(endedAtMs(batch)), archived_at: null, cancel_initiated_at: iso(cancellingAtMs),
    results_url: batch.written?.output ? results(batch) : null,
  };
}
