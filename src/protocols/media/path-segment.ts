import { GatewayError } from "../../errors.ts";

/** A name as one segment of a path. One that would lead elsewhere is refused. */
export function segmentOf(name: string, param: string): string {
  if (name === "." || name === "..") throw new GatewayError("invalid_request", `${param}: ${JSON.stringify(name)} is no name`, { param });
  return encodeURIComponent(name);
}

/** A name of several segments, such as `@cf/openai/whisper`. */
export const segmentsOf = (name: string, param: string): string => name.split("/").map((part) => segmentOf(part, param)).join("/").replaceAll("%40", "@");
