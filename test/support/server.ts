/** Servers of this machine that stand in for providers. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

/** Starts it on a free port. Returns its origin. */
export async function listen(server: Server): Promise<string> {
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Ends it, and whatever is still connected. */
export function hangUp(server: Server): void {
  server.close();
  server.closeAllConnections();
}
