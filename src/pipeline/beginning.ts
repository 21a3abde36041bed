/** The first event of a stream that passes untouched. */
import type { StreamObserver } from "../protocols/protocol.ts";
import { dataOf, isEventData, splitFrames } from "../protocols/sse.ts";

type Beginning = "awaited" | "sound" | "broken";

/**
 * An observer of a stream whose first event must be JSON. Where it is none, nothing of the stream is an answer: it counts as an error
 * inside it, so that another deployment can take its place, and where none can the client hears `instead` and no more.
 */
export function beginningSoundly(observer: StreamObserver, instead: () => string): StreamObserver {
  let beginning: Beginning = "awaited";
  return {
    get seen() {
      return observer.seen;
    },
    push(frames) {
      if (beginning === "broken") return "";
      if (beginning === "awaited") beginning = beginningOf(frames);
      if (beginning !== "broken") return observer.push(frames);
      observer.seen.error = "The stream began with what is no JSON.";
      return instead();
    },
    ...(observer.close && { close: () => (beginning === "broken" ? "" : observer.close!()) }),
  };
}

/** Comments and empty events are no beginning. */
function beginningOf(frames: string): Beginning {
  const first = splitFrames(frames).map((frame) => dataOf(frame)?.trim()).find(Boolean);
  if (first === undefined) return "awaited";
  return isEventData(first) ? "sound" : "broken";
}
