/** One recorded exchange through the gateway: what must be equal, and what may differ by rule. */
import type { ClientRequest } from "./endpoints.ts";

export type Recording = {
  id: string;
  provider?: string;
  model?: string | null;
  stream: boolean;
  format: string;
  status: number;
  request?: { url?: string; headers?: Record<string, unknown>; body?: unknown };
  response: { body_text?: string; body_base64?: string };
  expected?: { usage?: Record<string, unknown> | null; usage_norm?: NormalUsage };
};

/** `input` is everything that went in, cache reads and writes included; `reasoning` is part of `output` or beside it, as the provider has it; null: it does not say. */
type NormalUsage = Partial<Record<"input" | "output" | "cached" | "cache_write" | "reasoning", number | null>>;
type Entry = { status: number; estimated: boolean; usage: { inputTokens: number; cachedTokens: number; cacheWriteTokens: number; outputTokens: number } };

/** `alike`: equal in what it says, not in its bytes. */
export type Comparison = { problems: string[]; rule: string | undefined; alike?: boolean };

/** The recorded request's body where it is JSON. */
export const recordedBody = ({ request }: Recording): Record<string, unknown> | undefined =>
  typeof request?.body === "object" && request.body !== null ? (request.body as Record<string, unknown>) : undefined;

/** Sends `asked` and compares status, body and ledger with the recording. `other`: why an answer that is told anew says something else. */
export async function compare(url: string, secret: string, asked: ClientRequest, recording: Recording, other?: (wanted: string, got: string) => string | undefined): Promise<Comparison> {
  const response = await fetch(url + asked.path, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, ...(!(asked.body instanceof FormData) && { "content-type": "application/json" }), ...asked.headers },
    body: asked.body instanceof FormData ? asked.body : JSON.stringify(asked.body),
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  if (asked.refusedFor !== undefined) {
    const refused = response.status === 400 && bytes.toString().includes(`"param":"${asked.refusedFor}"`);
    return refused ? { problems: [], rule: `${asked.refusedFor} is refused` } : { problems: [`${asked.refusedFor} was not refused: ${response.status}`], rule: undefined };
  }
  if (asked.callsServers) return calledHere(response.status, bytes.toString(), recording);
  if ([401, 402, 403].includes(recording.status)) {
    const leaked = bytes.toString().includes("sk-");
    return response.status === 502 && !leaked
      ? { problems: [], rule: `${recording.status} about the gateway's own account becomes 502` }
      : { problems: [`${recording.status} became ${response.status}`], rule: undefined };
  }
  if (recording.status >= 500 && !recording.response.body_text && response.status === 502) return { problems: [], rule: `${recording.status} without a body becomes a 502 that names the provider` };
  const foreign = foreignError(recording);
  if (foreign !== undefined && response.status === recording.status && bytes.toString().includes(foreign)) return { problems: [], rule: `${recording.status} in a shape of its own keeps its status and words, in the client's shape` };
  const problems: string[] = [];
  if (response.status !== recording.status) problems.push(`status ${recording.status} became ${response.status}: ${bytes.toString().slice(0, 160)}`);
  const wanted = asked.told instanceof Buffer ? asked.told : sent(recording);
  const alike = typeof asked.told === "string" || !bytes.equals(wanted);
  if (typeof asked.told === "string") problems.push(...saidOtherwise(bytes.toString(), asked.told));
  else if (problems.length === 0 && !bytes.equals(wanted)) {
    const [theirs, ours] = [wanted.toString(), bytes.toString()];
    const why = other ? other(theirs, ours) : `bytes: ${firstDifference(theirs, ours)}`;
    if (why) problems.push(why);
  }
  if (problems.length === 0) problems.push(...(await ledgerProblems(url, secret, response.headers.get("x-request-id")!, recording)));
  return { problems, rule: undefined, alike };
}

/** A response with MCP servers is ours, of the model's turns: no servers are here, and one whose tools stand in the conversation ends with the model's words. */
function calledHere(status: number, body: string, { response }: Recording): Comparison {
  if (status === 424 && body.includes('"code":"mcp_server_error"')) return { problems: [], rule: "MCP servers are called here, and the recorded one is not reached" };
  const words = (text: string): string => JSON.stringify((JSON.parse(text) as { output: { type: string; content?: unknown }[] }).output.filter(({ type }) => type === "message").map(({ content }) => content));
  if (status === 200 && words(body) === words(response.body_text!)) return { problems: [], rule: "MCP servers are called here, and the model's words are the recorded ones" };
  return { problems: [`with MCP servers: ${status} ${body.slice(0, 160)}`], rule: undefined };
}

/** Of a transcript that its provider told in other words than OpenAI's, what it says. */
function saidOtherwise(body: string, wanted: string): string[] {
  const { text } = JSON.parse(body) as { text?: string };
  return text?.trim() === wanted ? [] : [`text: ${firstDifference(wanted, text ?? "")}`];
}

/** The words of an error that is not an object with a message, as no SDK expects it. */
function foreignError({ status, response }: Recording): string | undefined {
  if (status < 400 || status >= 500) return undefined;
  try {
    const { error } = JSON.parse(response.body_text ?? "") as { error?: unknown };
    return typeof error === "string" ? error : undefined;
  } catch {
    return undefined;
  }
}

/** The bytes that the replay server sends: it completes a stream's last blank line, which some recordings lost. */
function sent({ format, response }: Recording): Buffer {
  if (response.body_base64 !== undefined) return Buffer.from(response.body_base64, "base64");
  const text = response.body_text ?? "";
  return Buffer.from(format === "sse" && !/\n\r?\n$/.test(text) ? `${text.replace(/\s*$/, "")}\n\n` : text);
}

function firstDifference(wanted: string, got: string): string {
  let at = 0;
  while (at < wanted.length && wanted[at] === got[at]) at += 1;
  return `at ${at} of ${wanted.length}/${got.length}: ${JSON.stringify(wanted.slice(at, at + 80))} became ${JSON.stringify(got.slice(at, at + 80))}`;
}

const number = (value: unknown): number => (typeof value === "number" ? value : 0);

/** What the provider said, in one form. */
function normal(usage: Record<string, unknown>): NormalUsage {
  return { input: number(usage.prompt_tokens ?? usage.input_tokens), output: number(usage.completion_tokens ?? usage.output_tokens) };
}

async function ledgerProblems(url: string, secret: string, id: string, recording: Recording): Promise<string[]> {
  const entry = await entryOf(url, secret, id);
  if (!entry) return ["no ledger entry"];
  if (entry.status !== recording.status) return [`ledger status ${entry.status}`];
  const usage = recording.expected?.usage;
  if (recording.status >= 400 || !usage) return [];
  const wanted = recording.expected?.usage_norm ?? normal(usage);
  const problems: string[] = [];
  const same = (what: string, told: number | null | undefined, counted: number): void => {
    if (typeof told === "number" && counted !== told) problems.push(`ledger ${what} ${told} became ${counted}`);
  };
  // Mistral counts audio in the total only; it is billed as input.
  const beyond = Math.max(0, number(usage.total_tokens) - number(usage.prompt_tokens) - number(usage.completion_tokens));
  if (entry.usage.inputTokens !== (wanted.input ?? 0) + beyond) same("input", wanted.input, entry.usage.inputTokens);
  same("cached", wanted.cached, entry.usage.cachedTokens);
  same("cache writes", wanted.cache_write, entry.usage.cacheWriteTokens);
  const beside = (wanted.output ?? 0) + (wanted.reasoning ?? 0);
  if (entry.usage.outputTokens !== beside) same("output", wanted.output, entry.usage.outputTokens);
  return problems;
}

async function entryOf(url: string, secret: string, id: string): Promise<Entry | undefined> {
  for (let tries = 0; tries < 50; tries += 1) {
    const answer = await fetch(`${url}/dashboard/requests/${id}`, { headers: { authorization: `Bearer ${secret}` } });
    if (answer.ok) return (await answer.json()) as Entry;
    await answer.body?.cancel();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return undefined;
}
