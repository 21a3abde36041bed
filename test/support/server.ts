/** Servers of this machine that stand in for providers. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** So many may knock at once. */
const backlog = 2_048;

/** Starts it on a free port. Returns its origin. */
export async function listen(server: Server): Promise<string> {
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", backlog, ready));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Ends it, and whatever is still connected. */
export function hangUp(server: Server): void {
  server.close();
  server.closeAllConnections();
}

/** A provider on a socket: each request is heard whole, then answered. Who throws hangs up, where nothing else is said. */
export abstract class StandIn {
  private readonly server = createServer((request, response) => void this.hear(request, response).catch((error: unknown) => this.broke(response, error)));

  /** Starts it. Returns its origin. */
  start(): Promise<string> {
    return listen(this.server);
  }

  stop(): void {
    hangUp(this.server);
  }

  protected abstract serve(request: IncomingMessage, text: string, response: ServerResponse): void | Promise<void>;

  protected broke(response: ServerResponse, _error: unknown): void {
    response.destroy();
  }

  private async hear(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    await this.serve(request, Buffer.concat(chunks).toString(), response);
  }
}
