/** What we use of Anthropic's own client, the current one and the one before. Their real types bring Node's with them, which are not the Worker's. */
export declare class APIError extends Error {
  readonly type: string | null;
  static generate(status: number, body: object, message: string | undefined, headers: Headers): APIError;
}
type Event = { type: string; delta?: { text?: string } };
export declare const Stream: {
  fromSSEResponse(response: Response, controller: AbortController): AsyncIterable<Event>;
};
export declare const OldAPIError: typeof APIError;
export declare const OldStream: typeof Stream;
