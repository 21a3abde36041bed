/** What the Worker's own isolate holds, Durable Objects and all, as its inspector tells it. The process holds the stand-ins of R2, D1 and queues too. */
import type { LocalGateway } from "../../scripts/local.ts";

type Usage = { usedSize: number; embedderHeapUsedSize?: number; backingStorageSize?: number };

const MiB = 1024 * 1024;

/** JavaScript's heap and the bytes beside it, of a gateway that was started `inspected`. */
export class IsolateMemory {
  private readonly socket: WebSocket;
  private readonly waiting = new Map<number, (result: unknown) => void>();
  private asked = 0;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.onmessage = ({ data }) => {
      const { id, result } = JSON.parse(String(data)) as { id: number; result: unknown };
      this.waiting.get(id)?.(result);
      this.waiting.delete(id);
    };
  }

  static async of({ mf }: Pick<LocalGateway, "mf">): Promise<IsolateMemory> {
    const { host } = await mf.getInspectorURL();
    const isolates = (await (await fetch(`http://${host}/json`)).json()) as { webSocketDebuggerUrl: string }[];
    const socket = new WebSocket(isolates.find(({ webSocketDebuggerUrl }) => /\/(?:core:user:)?forge$/.test(webSocketDebuggerUrl))!.webSocketDebuggerUrl);
    await new Promise((open, broken) => {
      socket.onopen = open;
      socket.onerror = broken;
    });
    return new IsolateMemory(socket);
  }

  /** In MiB, garbage that nobody has collected yet among it. */
  async mebibytes(): Promise<number> {
    const { usedSize, embedderHeapUsedSize = 0, backingStorageSize = 0 } = await this.ask<Usage>("Runtime.getHeapUsage");
    return (usedSize + embedderHeapUsedSize + backingStorageSize) / MiB;
  }

  /** In MiB, when all garbage is gone: what somebody still holds. */
  async held(): Promise<number> {
    await this.ask("HeapProfiler.collectGarbage");
    return this.mebibytes();
  }

  close(): void {
    this.socket.close();
  }

  private ask<T>(method: string): Promise<T> {
    const id = (this.asked += 1);
    return new Promise((resolve) => {
      this.waiting.set(id, resolve as (result: unknown) => void);
      this.socket.send(JSON.stringify({ id, method }));
    });
  }
}
