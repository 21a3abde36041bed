/** What Anthropic's clients, the current and the one before, make of a stream of events, one JSON a line. */
export declare const MessageStream: {
  fromReadableStream(stream: ReadableStream): { finalMessage(): Promise<{ content: Record<string, unknown>[]; stop_reason: string | null; usage: Record<string, unknown> }> };
};
export declare const OldMessageStream: typeof MessageStream;
