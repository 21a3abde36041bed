export { adopt } from "../../pipeline/index.ts";

/** The one who changes something through the admin API, now. */
export const byAdmin = () => ({ actor: "admin", nowMs: Date.now() });
