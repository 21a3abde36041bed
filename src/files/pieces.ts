/** Bytes that come as they like, cut to measure. */

/** One piece. `bytes` are good until the next one is asked for. */
export type Piece = { readonly bytes: Uint8Array; readonly last: boolean };

/** Pieces of `size` bytes each, but for the last, which may be shorter. Where nothing comes there is one empty piece. */
export async function* pieces(body: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Piece, void> {
  const piece = new Uint8Array(size);
  let filled = 0;
  for await (const bytes of body) {
    for (let at = 0; at < bytes.length; ) {
      if (filled === size) {
        yield { bytes: piece, last: false };
        filled = 0;
      }
      const taken = Math.min(size - filled, bytes.length - at);
      piece.set(bytes.subarray(at, at + taken), filled);
      filled += taken;
      at += taken;
    }
  }
  yield { bytes: piece.subarray(0, filled), last: true };
}

/** A stream of what a generator yields, which goes on only when more is wanted. */
export const streamOf = (chunks: AsyncGenerator<Uint8Array, void>): ReadableStream<Uint8Array> =>
  new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: async () => void (await chunks.return()),
  }, { highWaterMark: 0 });
