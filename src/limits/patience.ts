/** How long an alarm waits for others: one who never answers must not keep it from ringing again. */
export const alarmCallMs = 10_000;
