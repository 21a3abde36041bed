/** One recorded exchange through the gateway: what must be equal, and what may differ by rule. */

export type Recording = {
  id: string;
  stream: boolean;
  format: string;
  status: number;
  request?: { body?: unknown };
  response: { body_text?: string; body_base64?: string };
  expected?: { usage?: Record<string, unknown> | null; usage_norm?: { input?: number; output?: number; cached?: number; reasoning?: number } };
};

export type Comparison = { problems: string[]; rule: string | undefined };

/** Sends the recorded request under `model` and compares status, body and ledger with the recording. */
export async function compare(url: string, secret: string, model: string, recording: Recording): Promise<Comparison> {
  const recorded = typeof recording.request?.body === "object" && recording.request.body !== null ? recording.request.body as Record<string, unknown> : undefined;
  const body = recorded?.messages
    ? { ...recorded, model }
    : { model, messages: [{ role: "user", content: "recorded" }], ...(recording.stream && { stream: true, stream_options: { include_usage: true } }) };
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  if ([401, 402, 403].includes(recording.status)) {
    const leaked = bytes.toString().includes("sk-");
    return response.status === 502 && !leaked
      ? { problems: [], rule: `${recording.status} about the gateway's own account becomes 502` }
      : { problems: [`${recording.status} became ${response.status}`], rule: undefined };
  }
  if (recording.status >= 500 && !recording.response.body_text && response.status === 502) return { problems: [], rule: `${recording.status} without a body becomes a 502 that names the provider` };
  const problems: string[] = [];
  if (response.status !== recording.status) problems.push(`status ${recording.status} became ${response.status}: ${bytes.toString().slice(0, 160)}`);
  const wanted = sent(recording);
  if (!bytes.equals(wanted)) problems.push(`bytes: ${firstDifference(wanted.toString(), bytes.toString())}`);
  if (problems.length === 0) problems.push(...(await ledgerProblems(url, secret, response.headers.get("x-request-id")!, recording)));
  return { problems, rule: undefined };
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

async function ledgerProblems(url: string, secret: string, id: string, recording: Recording): Promise<string[]> {
  const usage = recording.expected?.usage;
  for (let tries = 0; tries < 50; tries += 1) {
    const answer = await fetch(`${url}/dashboard/requests/${id}`, { headers: { authorization: `Bearer ${secret}` } });
    if (answer.status === 404) {
      await answer.body?.cancel();
      await new Promise((resolve) => setTimeout(resolve, 10));
      continue;
    }
    const entry = await answer.json() as { status: number; estimated: boolean; usage: { inputTokens: number; outputTokens: number } };
    if (entry.status !== recording.status) return [`ledger status ${entry.status}`];
    if (recording.status >= 400 || !usage) return [];
    const number = (value: unknown): number => (typeof value === "number" ? value : 0);
    const wanted = recording.expected?.usage_norm ?? { input: number(usage.prompt_tokens), output: number(usage.completion_tokens) };
    const problems: string[] = [];
    if (wanted.input !== undefined && entry.usage.inputTokens !== wanted.input) problems.push(`ledger input ${wanted.input} became ${entry.usage.inputTokens}`);
    const output = wanted.output ?? 0;
    const beside = output + (wanted.reasoning ?? 0);
    if (wanted.output !== undefined && ![output, beside].includes(entry.usage.outputTokens)) problems.push(`ledger output ${output} became ${entry.usage.outputTokens}`);
    return problems;
  }
  return ["no ledger entry"];
}
