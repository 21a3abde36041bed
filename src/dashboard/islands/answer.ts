/** A stream of chat chunks as it comes in, folded into what has been said so far. Pure but for reading. */

/** `more`: what else came with it, such as a provider's signature. */
export type Call = { id?: string; name: string; arguments: string; more?: Record<string, unknown> };
export type Usage = { input: number; output: number; reasoning: number };
/** An answer so far. `details`: thoughts as they are to be given back; `finish`: why it ended; `problem`: what broke it off; `noModel`: there is no such model. */
export type Answer = { text: string; thought: string; calls: Call[]; details: Record<string, unknown>[]; finish?: string; usage?: Usage; problem?: string; noModel?: boolean };

export const nothing = (): Answer => ({ text: "", thought: "", calls: [], details: [] });

type Part = { index?: number; id?: string; type?: string; function?: { name?: string; arguments?: string } };
type Delta = { content?: string | null; reasoning_content?: string | null; reasoning?: string | null; reasoning_details?: Record<string, unknown>[] | null; tool_calls?: Part[] | null };
type Counts = { prompt_tokens?: number; completion_tokens?: number; completion_tokens_details?: { reasoning_tokens?: number } | null };
type Said = { choices?: { delta?: Delta; message?: Delta; finish_reason?: string | null }[]; usage?: Counts | null; error?: { message?: string; code?: string | number | null } };

/** Adds a chunk, or a whole answer. Returns whether it says anything to read. */
export function add(answer: Answer, said: Said): boolean {
  if (said.error) tellOf(answer, said.error);
  if (said.usage) {
    const { prompt_tokens: input = 0, completion_tokens: output = 0, completion_tokens_details: details } = said.usage;
    answer.usage = { input, output, reasoning: details?.reasoning_tokens ?? 0 };
  }
  const [choice] = said.choices ?? [];
  if (choice?.finish_reason) answer.finish = choice.finish_reason;
  const { content, reasoning_content: thought, reasoning, reasoning_details: details, tool_calls: calls } = choice?.delta ?? choice?.message ?? {};
  answer.text += content ?? "";
  answer.thought += thought ?? reasoning ?? "";
  for (const detail of details ?? []) addDetail(answer.details, detail);
  for (const [i, { index = i, id, type: _, function: called, ...more }] of (calls ?? []).entries()) {
    const call = (answer.calls[index] ??= { name: "", arguments: "" });
    if (id) call.id = id;
    if (Object.keys(more).length > 0) call.more = { ...call.more, ...more };
    call.name += called?.name ?? "";
    call.arguments += called?.arguments ?? "";
  }
  return Boolean(content || thought || reasoning || calls?.length);
}

/** A page has a way to its models; whoever writes a program asks the gateway for them. */
const forPrograms = / GET \/v1\/models lists .*$/;

function tellOf(answer: Answer, { message = "It broke off.", code }: NonNullable<Said["error"]>): void {
  answer.problem = message.replace(forPrograms, "");
  if (code === "model_not_found") answer.noModel = true;
}

/** Pieces of one thought have one index. */
function addDetail(details: Record<string, unknown>[], piece: Record<string, unknown>): void {
  const known = details.find(({ index }) => index !== undefined && index === piece["index"]);
  if (!known) return void details.push({ ...piece });
  for (const [name, value] of Object.entries(piece)) {
    const joins = (name === "text" || name === "summary") && typeof value === "string" && typeof known[name] === "string";
    if (value !== null) known[name] = joins ? `${known[name] as string}${value}` : value;
  }
}

/** The data of server-sent events, one by one. */
export async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    rest += done ? `${decoder.decode()}\n\n` : decoder.decode(value, { stream: true });
    const events = rest.split(/\r?\n\r?\n/);
    rest = events.pop()!;
    for (const event of events) {
      const data = event.split(/\r?\n/).filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart()).join("\n");
      if (data !== "" && data !== "[DONE]") yield data;
    }
    if (done) return;
  }
}
