/** Streams that are not server-sent events, as such. */

/** An answer whose stream is read as server-sent events whatever its own framing. */
export const asEvents = (response: Response): Response => response;
