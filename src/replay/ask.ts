/** One call to an object, and again while it fails: everything that is asked of an idempotent call may be asked twice. */

const callMs = 10_000;
const againMs = [30, 300, 2_000];

/** The call's answer, asked for again after each of `pausesMs`. Rejects when the object is overloaded or cannot be reached. */
export async function ask<T>(call: () => Promise<T>, pausesMs: readonly number[] = againMs): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await inTime(call());
    } catch (error) {
      const pauseMs = pausesMs[tries];
      if (pauseMs === undefined || (error as { overloaded?: boolean }).overloaded) throw error;
      await scheduler.wait(pauseMs);
    }
  }
}

async function inTime<T>(promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new Error("The object did not answer in time.")), callMs)));
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
