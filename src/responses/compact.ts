/** POST /v1/responses/compact for any model: it is asked to sum up. https://platform.openai.com/docs/api-reference/responses/compact */
import type { Principal } from "../accounts/index.ts";
import { callerOf, readJson, refusal, type RequestContext, type Serve } from "../pipeline/index.ts";
import { compactionOf } from "./compaction.ts";
import { readAsked, said } from "./asked.ts";
import { sentInput } from "./history.ts";
import { resolved } from "./layer.ts";
import { answer } from "./path.ts";
import { objects, type Json } from "./teller.ts";

const ask = "Sum up the conversation so far for whoever goes on with it: what was asked for, what was decided and found out, what was done with which results, names and numbers as they are, and what is still open. Write the summary only.";

/** What was said by users stays as it is; everything else becomes one compaction. Nothing of it is kept. Never rejects. */
export const compacted: Serve = async (context, protocol) => {
  let caller: Principal | undefined;
  try {
    caller = await callerOf(context);
    const { text, json } = context.read ?? (await readJson(context.request, context.named?.body));
    const { model, instructions, prompt_cache_key } = json as Json;
    const history = await resolved(context, caller, readAsked(json, text), text);
    const body: Json = { model, input: [...sentInput(history), said(ask)], ...(instructions != null && { instructions }), ...(prompt_cache_key != null && { prompt_cache_key }), store: false };
    const response = await answer({ ...context, read: { text: JSON.stringify(body), json: JSON.parse(JSON.stringify(body)) as unknown } }, protocol);
    if (!response.ok) return response;
    const told = await compaction(context, caller, [...history.before, ...history.own], (await response.json()) as Json);
    return new Response(JSON.stringify(told), { status: response.status, headers: response.headers });
  } catch (thrown) {
    return refusal(context, protocol, caller, thrown);
  }
};

async function compaction(context: RequestContext, caller: Principal, items: readonly Json[], { output, usage, created_at }: Json): Promise<Json> {
  const summary = objects(output).flatMap(({ content }) => objects(content)).map(({ text }) => (typeof text === "string" ? text : "")).join("");
  const own = context.requestId.replace(/^req_/, "");
  const users = items.filter(({ type, role }) => (type ?? "message") === "message" && role === "user")
    .map((item, index): Json => ({ id: `msg_${own}_${index}`, ...item, type: "message", status: "completed", content: typeof item.content === "string" ? [{ type: "input_text", text: item.content }] : item.content }));
  return { id: `resp_${own}`, object: "response.compaction", created_at, output: [...users, await compactionOf(context, caller, summary, `cmp_${own}`)], usage };
}
