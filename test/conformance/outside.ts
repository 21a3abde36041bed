/** Everything that the Worker calls, as the test plays it, by host and path. What nobody plays is answered with 599. */
export type Left = { readonly method: string; readonly host: string; readonly path: string; readonly headers: Headers; readonly bytes: Uint8Array; readonly text: string; readonly json: any; readonly form: () => Promise<FormData> };
export type Play = (left: Left) => Response | Promise<Response>;

export class Outside {
  readonly left: Left[] = [];
  private readonly plays = new Map<string, Play>();

  /** `at`: host and the beginning of a path; the longest that fits is played. */
  play(at: string, play: Play): void {
    this.plays.set(at, play);
  }

  /** Calls to a host and the beginning of a path. */
  to(at: string): Left[] {
    return this.left.filter(({ host, path }) => (host + path).startsWith(at));
  }

  readonly answer = async (request: Request): Promise<Response> => {
    const { host, pathname, search } = new URL(request.url);
    const bytes = new Uint8Array(await request.arrayBuffer());
    const text = new TextDecoder("latin1").decode(bytes);
    const headers = new Headers([...request.headers] as [string, string][]);
    const left: Left = {
      method: request.method, host, path: pathname + search, headers, bytes, text,
      get json() {
        return JSON.parse(new TextDecoder().decode(bytes)) as unknown;
      },
      form: () => new Response(bytes, { headers: { "content-type": headers.get("content-type") ?? "" } }).formData(),
    };
    this.left.push(left);
    const at = [...this.plays.keys()].filter((one) => (host + pathname).startsWith(one)).sort((a, b) => b.length - a.length)[0];
    return at === undefined ? new Response(`nobody plays ${request.url}`, { status: 599 }) : this.plays.get(at)!(left);
  };
}
