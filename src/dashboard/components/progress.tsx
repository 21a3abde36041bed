/** How far a batch is. It moves by islands/progress.ts, on pages that name it, as long as the batch runs. */
import type { Progress } from "../batch-words.ts";
import { Badge } from "./parts.tsx";

export const BatchProgress = ({ id, of: { over, done, total, words, status } }: { id: string; of: Progress }) => (
  <div class="progress" data-progress={over ? undefined : `/dashboard/batches/${id}/progress`} data-status={status}>
    <progress class="bar" max={total || 1} value={total === 0 && !over ? undefined : done} aria-label="Requests done"></progress>
    <span class="note" data-progress-words>{words}</span>
  </div>
);

export const BatchState = ({ of: { label, tone } }: { of: Progress }) => <Badge tone={tone}>{label}</Badge>;
