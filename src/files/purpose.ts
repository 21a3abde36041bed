/** What files are for, how long they live by that, and how large one may be. */

/** What a file may be uploaded for. Others are what the gateway makes itself. */
export const purposes = ["assistants", "batch", "fine-tune", "vision", "user_data", "evals"] as const;

const dayMs = 86_400_000;

/** Input files of batches go after a month, unless something else was said. In ms; undefined: it stays. */
export const livesOf = (purpose: string, saidSeconds: number | undefined): number | undefined => (saidSeconds !== undefined ? saidSeconds * 1000 : purpose === "batch" ? 30 * dayMs : undefined);

/** The largest file that is taken in one piece. */
export const mostFileBytes = 512 * 1024 * 1024;
