/** Why a crossing is right although it is not what the recordings' checker expects. */
import type { Judged } from "./report.ts";

/** `detail`, `upstream`: what the checker says of it, and whom it concerns. */
type Explanation = { check: string; upstream?: RegExp; detail?: RegExp; ids?: readonly string[]; why: string };

const ofAnswers: readonly Explanation[] = [
  { check: "parses", ids: ["rec-1304bc5ca7", "rec-1b442160ba", "rec-be51eeac98"], why: "an answer about a cached content, not of a model: there is nothing to tell" },
  { check: "text", ids: ["rec-7f250b8c46", "rec-8e88b02698", "rec-a9943e8e1b"], why: "the recording's expectation leaves out text that is cited; it is the model's" },
  { check: "usage_in", ids: ["rec-0f8a2ea97d", "rec-8061a7d90f"], why: "audio tokens are counted beside the prompt: they are billed" },
];

const ofRequests: readonly Explanation[] = [
  { check: "accepted", detail: /data_collection: deny|provider\.(?:max_price|only|zdr)/, why: "the request says itself that it does not want such a provider" },
  { check: "images", upstream: /^bedrock\//, why: "Bedrock takes the bytes of pictures, not their addresses: declared as image_url" },
  { check: "images", upstream: /^cohere\//, why: "Cohere takes no pictures in a tool's result: declared as tool_result_media" },
  { check: "max_tokens", upstream: /responses$/, detail: /^\D*(?:\d|1[0-5])\D*$/, why: "Responses refuses fewer than 16 output tokens: 16 are asked for" },
  { check: "stop", upstream: /responses$/, why: "Responses has no stop sequences: declared as stop" },
  { check: "tools", upstream: /^bedrock\//, ids: ["rec-9501672a92", "rec-ab3e369723", "rec-5efd008cdd"], why: "Bedrock has no tool choice `none`: where there are no calls in the conversation, no tools are told" },
  { check: "texts", upstream: /generate_content$/, ids: ["rec-183357edf4"], why: "a tool's result that is JSON is an object to Gemini, in which \\u0026 is written &" },
];

/** Why, or undefined where nothing explains it. `mode`: as `--mode` has it. */
export function whyOf(mode: string, { id, upstream, detail: details }: Judged, name: string): string | undefined {
  const table = mode === "translate" ? ofAnswers : mode === "xreq" ? ofRequests : [];
  return table.find(({ check, upstream: whom, detail, ids }) =>
    check === name && (whom?.test(upstream) ?? true) && (detail?.test(String(details[name] ?? "")) ?? true) && (ids?.includes(id) ?? true))?.why;
}
