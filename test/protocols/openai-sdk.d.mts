/** What we use of OpenAI's own client. Its real types bring Node's with them, which are not the Worker's. */
export declare class APIError extends Error {
  static generate(status: number, body: object, message: string | undefined, headers: Headers): APIError;
}
export declare const Stream: {
  fromSSEResponse(response: Response, controller: AbortController): AsyncIterable<{ choices: { delta: { content?: string } }[] }>;
};
