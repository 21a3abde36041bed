/** The official client's fold over a Responses stream, which it reads as lines of JSON. Its real types bring Node's with them. */
export declare const ResponseStream: {
  fromReadableStream(stream: ReadableStream): { finalResponse(): Promise<Record<string, unknown> & { output: Record<string, any>[]; output_text: string }> };
};
