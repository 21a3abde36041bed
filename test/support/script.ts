/** What test scripts that install something and start processes have in common. */

/** Prepares with `prepare`, then ends the process when the script is told to, when that fails, or when it takes too long. Returns what stops the clock. */
export function prepared<T>(prepare: () => T, deadlineMs: number): { made: T; done: () => void } {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
  try {
    const made = prepare();
    const late = setTimeout(() => {
      console.error(`Not done after ${deadlineMs / 60_000} minutes`);
      process.exit(1);
    }, deadlineMs);
    return { made, done: () => clearTimeout(late) };
  } catch (error) {
    console.error((error as Error).message);
    process.exit(1);
  }
}
