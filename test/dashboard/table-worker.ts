/** Tells the paths that the dashboard takes GET at. */
import { table } from "../../src/dashboard/table.ts";

export default { fetch: (): Response => Response.json(table.filter(({ method }) => method === "GET").map(({ path }) => path)) };
