/** The vocabulary of Responses that both halves share: how odd JSON is read, how answers end and break. */
import type { ChatError, Citation, Finish, TokenLogprob } from "../../chat/index.ts";
import { defined, parseExact } from "../../chat/index.ts";
import { errorMessage } from "../openai-chat/stream.ts";
import { filled, list, record, stringIn as string, type Json } from "../json.ts";

export { filled, list, record, string, type Json };

export const protocolId = "openai-responses";
/** How a tool is called that finds tools: Responses has a type for it and no name. */
export const searchName = "tool_search";

export const records = (value: unknown): Json[] => list(value).map(record);
export const number = (value: unknown): number | undefined => (typeof value === "number" && Number.isFinite(value) ? value : undefined);
/** JSON text of a tool's input: some servers send the object itself. */
export const jsonText = (value: unknown): string | undefined =>
  typeof value === "string" ? value : value === undefined || value === null ? undefined : JSON.stringify(value);

/** A search's input, which Responses has as an object. */
export function argumentsOf(input: string): unknown {
  try {
    return parseExact(input);
  } catch {
    return input;
  }
}

const reasons: Record<string, Finish["unified"]> = {
  max_output_tokens: "length", max_tokens: "length", length: "length", content_filter: "content-filter",
};

/** Why an answer ended. `called`: a function call is in the output. A status that a server leaves out means that it is complete. */
export function parseFinish(response: Json, called: boolean): Finish {
  const status = filled(response.status) ?? "completed";
  const reason = filled(record(response.incomplete_details).reason);
  if (status === "incomplete") return { unified: reason === undefined ? "length" : (reasons[reason] ?? "other"), raw: reason ?? status };
  if (status === "completed") return { unified: called ? "tool-calls" : "stop", raw: status };
  return { unified: status === "failed" || status === "cancelled" ? "error" : "other", raw: status };
}

const statuses: Record<string, number> = {
  rate_limit_exceeded: 429, rate_limit_error: 429, insufficient_quota: 429, too_many_requests: 429,
  invalid_prompt: 400, invalid_request: 400, invalid_request_error: 400, context_length_exceeded: 400, unsupported_content_type: 400,
  invalid_image: 400, invalid_image_format: 400, invalid_base64_image: 400, invalid_image_url: 400, image_too_large: 400,
  image_too_small: 400, image_parse_error: 400, image_content_policy_violation: 400, invalid_image_mode: 400, image_file_too_large: 400,
  unsupported_image_media_type: 400, empty_image_file: 400, failed_to_download_image: 400, image_file_not_found: 400, bio_policy: 400, cyber_policy: 400,
  authentication_error: 401, permission_error: 403, not_found_error: 404, server_is_overloaded: 503, slow_down: 503, overloaded_error: 529,
};

/** An in-band error: of a failed response, of an `error` event (flat or nested), or bare text. */
export function parseError(error: unknown): ChatError {
  const { code, type, message } = record(error);
  const word = filled(code) ?? (type === "error" ? undefined : filled(type));
  const told = filled(message) ?? errorMessage(error);
  const number = typeof code === "number" && code >= 400 && code < 600 ? code : undefined;
  return { status: number ?? statuses[word ?? ""] ?? statuses[filled(type) ?? ""] ?? 502, message: told, ...(word && { code: word }) };
}

/** An annotation of a text. https://platform.openai.com/docs/api-reference/responses/object */
export function parseCitation(value: Json): Citation {
  const { url, title, filename, start_index, end_index } = value;
  const fields = { url: filled(url), title: filled(title) ?? filled(filename), start: number(start_index), end: number(end_index) };
  return { ...defined(fields), raw: { protocol: protocolId, value } };
}

const parseToken = ({ token, logprob, bytes }: Json) => ({
  token: string(token) ?? "",
  logprob: number(logprob) ?? 0,
  ...(Array.isArray(bytes) && { bytes: bytes as number[] }),
});

/** Log probabilities of a text or of one delta; undefined when there are none. */
export function parseLogprobs(value: unknown): TokenLogprob[] | undefined {
  const tokens = records(value).map((entry) => ({ ...parseToken(entry), top: records(entry.top_logprobs).map(parseToken) }));
  return tokens.length > 0 ? tokens : undefined;
}
