/** /dashboard/playground: any model, asked from the page, through the one path and in the name of a key. */
import * as z from "zod";
import { GatewayError } from "../../errors.ts";
import { asGatewayError, failure, newRequestId, relay } from "../../pipeline/index.ts";
import { openaiChat } from "../../protocols/index.ts";
import { callableModels } from "../../router/index.ts";
import type { Typed } from "../components/field.tsx";
import { PageHeader } from "../components/parts.tsx";
import { Playground, type Shown } from "../components/playground.tsx";
import { count, duration, exactly, money } from "../figures.ts";
import { readForm } from "../form.ts";
import { add, nothing } from "../islands/answer.ts";
import { bodyOf, headersOf, Unsendable } from "../islands/request.ts";
import { modelNames } from "../own-key.ts";
import { show } from "../page.tsx";
import { inNameOf, keyChoices, keyFor, keyIfThere } from "../playground-key.ts";
import { member, type MemberVisit } from "../visit.ts";

const text = z.string().default("");
const schema = z.object({ model: text, prompt: text, system: text, temperature: text, tokens: text, tools: text, schema: text, key: text, sovereign: z.string().optional() });

/** Answers a chat request in the name of a key. Its cookies and all else that it says of the browser stay here. */
async function ask(visit: MemberVisit, keyId: string, requestId: string, body: BodyInit | null, said: Record<string, string>): Promise<Response> {
  const { c, origin } = visit;
  const headers = { "content-type": c.req.header("content-type")?.startsWith("application/json") ? "application/json" : "application/octet-stream", "x-title": "Playground", ...said };
  const request = new Request(`${origin}/v1/chat/completions`, { method: "POST", headers, body, signal: c.req.raw.signal });
  return relay(inNameOf(visit, keyId, request, requestId), openaiChat);
}

/** What the island sends, as it is, and what is answered, as it comes. */
async function asked(visit: MemberVisit): Promise<Response> {
  const { c } = visit;
  const requestId = newRequestId();
  try {
    const { id } = await keyFor(visit, c.req.query("key") ?? "");
    return await ask(visit, id, requestId, c.req.raw.body, headersOf({ sovereign: c.req.header("x-sovereign") === "true" }));
  } catch (thrown) {
    const error = asGatewayError(thrown, { requestId });
    return failure(error, openaiChat.renderError(error, requestId), requestId, undefined);
  }
}

const page = async (visit: MemberVisit, from: Typed = {}, shown?: Shown) => show(visit, {
  title: "Playground",
  in: "/playground",
  islands: ["playground"],
  status: from.errors ? 422 : 200,
  body: <>
    <PageHeader title="Playground" lead="Ask up to four models the same, side by side. It is metered as any request." />
    <Playground keys={await keyChoices(visit)} from={from} shown={shown} />
  </>,
});

/** The form by itself: one model, which answers at once. */
async function answered(visit: MemberVisit): Promise<Response> {
  const form = await readForm(visit, schema);
  if (!form.ok) return page(visit, form);
  const { key, sovereign, ...fields } = form.data;
  try {
    const body = JSON.stringify(bodyOf({ ...fields, stream: false }));
    const { id } = await keyFor(visit, key);
    const startedMs = Date.now();
    const response = await ask(visit, id, newRequestId(), body, { "content-type": "application/json", ...headersOf({ sovereign: sovereign === "on" }) });
    const answer = nothing();
    add(answer, await response.json());
    const cost = response.headers.get("x-forge-cost");
    return page(visit, { values: form.values }, {
      ...answer, state: answer.problem ? "It did not answer." : "This is its answer.", total: duration(Date.now() - startedMs),
      tokens: answer.usage ? `${count(answer.usage.input)} in, ${count(answer.usage.output)} out` : "—", cost: cost === null ? "—" : money(Number(cost)),
    });
  } catch (thrown) {
    if (thrown instanceof Unsendable) return page(visit, { values: form.values, errors: { [thrown.field]: thrown.message } });
    throw thrown;
  }
}

/** Names of what a key may hold a conversation with; before the Playground has its key, all there are. */
async function names(visit: MemberVisit): Promise<Response> {
  const { c, isolate, nowMs } = visit;
  const key = await keyIfThere(visit, c.req.query("key") ?? "");
  if (!key) return c.json(await modelNames(visit));
  const wait = (promise: Promise<unknown>): void => c.executionCtx.waitUntil(promise);
  const [principal, catalog, { models: selfHostedModels }] = await Promise.all([isolate.keys.find(key.id, nowMs), isolate.catalog.get(nowMs, wait), isolate.selfHosted.get(nowMs, wait)]);
  const callable = callableModels({ principal, catalog, atMs: nowMs, selfHostedModels, endpoints: isolate.endpoints });
  return c.json(callable.filter(({ kind }) => kind === "chat").map(({ id }) => id));
}

/** What a request cost and used, as its key's meter has it. Throws `not_found` until it is settled. */
async function entry(visit: MemberVisit): Promise<Response> {
  const { c, isolate } = visit;
  const key = await keyIfThere(visit, c.req.query("key") ?? "");
  const found = key && (await isolate.meters.of(key.id).entry(c.req.param("id")!));
  if (!found) throw new GatewayError("not_found", "No such request is finished.");
  const { deployment, costSource, costNanoUsd, usage: { inputTokens, outputTokens } } = found;
  return c.json({ deployment, input: inputTokens, output: outputTokens, cost: costSource === "unpriced" ? "no price" : exactly(costNanoUsd) });
}

export const playground = [
  member("try_models", "GET", "/playground", (visit) => page(visit)),
  member("try_models", "POST", "/playground", answered),
  member("try_models", "POST", "/playground/ask", asked),
  member("try_models", "GET", "/playground/names", names),
  member("try_models", "GET", "/playground/requests/:id", entry),
];
