/** What goes wrong, as probabilities: of each message, of each write to D1, of each alarm, of each moment. */
export type Faults = {
  /** A call or its answer is lost. */
  lost: number;
  /** Nobody tells the caller that it was. */
  silent: number;
  /** A call arrives twice. */
  twice: number;
  /** A message takes seconds. */
  late: number;
  /** D1 fails, before or after it has written. */
  d1: number;
  /** An alarm runs again. */
  alarmTwice: number;
  /** Between two events, one object dies; all objects and isolates die. */
  crash: number;
  kill: number;
};

export const none: Faults = { lost: 0, silent: 0, twice: 0, late: 0, d1: 0, alarmTwice: 0, crash: 0, kill: 0 };
export const some: Faults = { lost: 0.02, silent: 0.3, twice: 0.05, late: 0.01, d1: 0.2, alarmTwice: 0.3, crash: 0.004, kill: 0.0005 };
export const many: Faults = { lost: 0.1, silent: 0.3, twice: 0.2, late: 0.05, d1: 0.4, alarmTwice: 0.5, crash: 0.02, kill: 0.003 };
