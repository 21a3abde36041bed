/** One line of a batch's output, in its client's words. Pure. */
import { GatewayError } from "../errors.ts";
import { renderAnthropicError } from "../protocols/index.ts";
import type { Ending, Shape } from "./batch.ts";

/** What was answered: `body` is JSON text. */
export type Answer = { readonly status: number; readonly requestId: string; readonly body: string };

/** JSON on one line: a newline in it can only stand between its words. */
const onOneLine = (json: string): string => json.replace(/[\r\n]+/g, " ");

const openaiId = (requestId: string): string => requestId.replace("req_", "batch_req_");

const answered: Readonly<Record<Shape, (customId: string, answer: Answer) => string>> = {
  file: (customId, { status, requestId, body }) =>
    `{"id":"${openaiId(requestId)}","custom_id":${JSON.stringify(customId)},"response":{"status_code":${status},"request_id":"${requestId}","body":${onOneLine(body)}},"error":null}\n`,
  messages: (customId, { status, body }) =>
    `{"custom_id":${JSON.stringify(customId)},"result":${status < 400 ? `{"type":"succeeded","message":${onOneLine(body)}}` : `{"type":"errored","error":${onOneLine(body)}}`}}\n`,
};

/** The line of a request that was answered, also by an error. */
export const answerLine = (shape: Shape, customId: string, answer: Answer): string => answered[shape](customId, answer);

/** Why a line has no answer, by its code or by how the batch ended: OpenAI's code, the sentence, and what Anthropic calls it. */
const reasons: Readonly<Record<string, { readonly code: string; readonly message: string; readonly type: "errored" | "canceled" | "expired" }>> = {
  expired: { code: "batch_expired", message: "This request could not be executed before the completion window expired.", type: "expired" },
  cancelled: { code: "batch_cancelled", message: "The batch was cancelled before this request was executed.", type: "canceled" },
  completed: { code: "internal_error", message: "This request could not be executed.", type: "errored" },
  lost: { code: "internal_error", message: "This request could not be executed: nobody came back from it.", type: "errored" },
  input_gone: { code: "file_not_found", message: "The batch's input file was deleted, or has expired, before this request was executed.", type: "errored" },
  answer_too_large: { code: "answer_too_large", message: "The answer is larger than a batch can hold. It was charged.", type: "errored" },
};

/** The line of a request that has no answer. */
export function gapLine(shape: Shape, customId: string, requestId: string, code: string | undefined, ending: Ending): string {
  const { code: said, message, type } = reasons[code ?? ending] ?? reasons.completed!;
  if (shape === "file") return `${JSON.stringify({ id: openaiId(requestId), custom_id: customId, response: null, error: { code: said, message } })}\n`;
  const error = type === "errored" ? { error: JSON.parse(renderAnthropicError(new GatewayError("internal_error", message), requestId)) as unknown } : {};
  return `${JSON.stringify({ custom_id: customId, result: { type, ...error } })}\n`;
}
