/**
 * How the deployments do, as this isolate and its region see them: which are skipped (circuit breaker, half-open probes with real
 * traffic), how soon the first token comes, how fast the rest, how many attempts are answered. Belongs here: what an attempt came
 * to, and what follows for the next. Does not belong here: which deployment is chosen (router), what counts as a failure of a
 * provider (pipeline), what anything costs (ledger). All of it is lost when nobody calls, and measured anew; nothing is stored.
 * Isolates share through one board per region: an isolate makes a call each two seconds while it has traffic, none without.
 * Who may import it: pipeline, and the router its types. Imports: telemetry.
 */
export type { State } from "./circuit.ts";
export type { Seen } from "./board.ts";
export { Health, type Boards } from "./health.ts";
export { HealthBoard } from "./health-board.do.ts";
export type { Event, Figures, Standing, Why } from "./vitals.ts";
