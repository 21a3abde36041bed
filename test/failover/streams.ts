/** Thousands of answers while the first deployment fails, each judged by what its client, its providers and its ledger entry say. */
import type { LedgerEntry } from "../../src/ledger/entry.ts";
import { aliasOf, firstOf, lanes, secondOf, type Arena } from "./arena.ts";
import { Clients, type Heard } from "./clients.ts";
import { failsOver, type Trial } from "./faults.ts";
import { usageOf, wordsOf } from "./upstream.ts";

/** `by`: who answered. `skipped`: the first deployment was not asked. */
export type Judged = { readonly trial: Trial; readonly heard: Heard; readonly entry: LedgerEntry | undefined; readonly skipped: boolean; readonly breaks: boolean; readonly by: "first" | "second" | undefined; readonly visible: boolean; readonly wrong: readonly string[] };

const laneOf = ({ n }: Trial): number => n % lanes;

/** Plays all trials, `atOnce` at a time, and judges them when the ledger is quiet. */
export async function play(arena: Arena, trials: readonly Trial[], atOnce: number): Promise<Judged[]> {
  for (const { tag, fault } of trials) if (fault) arena.first.faults.set(tag, fault);
  const clients = arena.keys.map(({ secret }) => new Clients(arena.url, secret));
  const heard = new Map<Trial, Heard>();
  let next = 0;
  await Promise.all(Array.from({ length: atOnce }, async () => {
    for (let trial = trials[next++]; trial; trial = trials[next++]) {
      const { n, client, second, tag, stream, usageAsked } = trial;
      heard.set(trial, await clients[n % clients.length]!.ask(client, { model: aliasOf(second, laneOf(trial)), tag, stream, usageAsked }));
    }
  }));
  const ledger = await arena.ledger(trials.length);
  return trials.map((trial) => judge(arena, trial, heard.get(trial)!, ledger.get(heard.get(trial)!.requestId)));
}

function judge(arena: Arena, trial: Trial, heard: Heard, entry: LedgerEntry | undefined): Judged {
  const { tag, fault, second } = trial;
  const asked = arena.first.calls.get(tag)?.length ?? 0;
  const behind = arena.behind(second);
  const elsewhere = behind.calls.get(tag)?.length ?? 0;
  const skipped = asked === 0;
  // Where the break came to the gateway together with the text, nothing had been passed on, and another answered.
  const breaks = !skipped && (fault?.kind === "midway" || fault?.kind === "opened") && elsewhere === 0;
  const by = heard.text.startsWith("first.") ? "first" : heard.text.startsWith(`${behind.name}.`) ? "second" : undefined;
  const wrong = [
    ...wordsWrong(trial, heard, breaks, behind.name),
    ...(asked > 1 || elsewhere > 1 ? [`asked ${asked} and ${elsewhere} times`] : []),
    ...(entry ? entryWrong(trial, heard, entry, { skipped, breaks, elsewhere: elsewhere > 0, second: behind.name }) : [`no ledger entry ${heard.requestId}`]),
  ];
  return { trial, heard, entry, skipped, breaks, by, visible: heard.error !== undefined, wrong };
}

/** A text must be one provider's, from its first character to its last; of a stream that broke, from its first on, with the protocol's own error behind it. */
function wordsWrong({ tag, fault }: Trial, { text, error, told }: Heard, breaks: boolean, second: string): string[] {
  const whole = ["first", second].map((name) => wordsOf(name, tag).join(""));
  if (!breaks) return [...(error === undefined ? [] : [`the client saw ${error.slice(0, 200)}`]), ...(error !== undefined || whole.includes(text) ? [] : [`text is ${JSON.stringify(text.slice(0, 200))}`])];
  if (error === undefined) return ["a broken stream ended as a whole one"];
  return [...(told ? [] : [`a broken stream ended with ${error.slice(0, 200)}`]), ...((text === "") === (fault?.kind === "opened") && whole[0]!.startsWith(text) && text !== whole[0] ? [] : [`broken text is ${JSON.stringify(text.slice(0, 200))}`])];
}

function entryWrong(trial: Trial, { route, usage, text }: Heard, entry: LedgerEntry, { skipped, breaks, elsewhere, second }: { skipped: boolean; breaks: boolean; elsewhere: boolean; second: string }): string[] {
  const { tag, fault, stream } = trial;
  const [first, other] = [firstOf(trial.second, laneOf(trial)), secondOf(trial.second, laneOf(trial))];
  const refused = !skipped && (failsOver(fault, stream) || ((fault?.kind === "midway" || fault?.kind === "opened") && elsewhere));
  const deployment = skipped || refused ? other : first;
  const wrong: string[] = [];
  const same = (what: string, found: unknown, expected: unknown): void => void (JSON.stringify(found) === JSON.stringify(expected) || wrong.push(`${what}: ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`));
  same("deployment", entry.deployment, deployment);
  same("refused", entry.refused.map((one) => one.deployment), refused ? [first] : []);
  same("attempts", entry.attempts, refused ? 2 : 1);
  same("X-Forge-Route", route, [...entry.refused.map((one) => `"${one.deployment}";status=${one.status};error=${one.errorCode}`), `"${deployment}"`].join(", "));
  same("end", entry.end, breaks ? "upstream_error" : "complete");
  if (breaks) {
    if (fault?.kind === "opened") same("a stream without a word costs nothing", [entry.usage.inputTokens, entry.usage.outputTokens], [0, 0]);
    else same("a broken stream is estimated", entry.estimated, true);
    return wrong;
  }
  const said = usageOf(deployment === first ? "first" : second, tag);
  same("usage", [entry.usage.inputTokens, entry.usage.outputTokens, entry.estimated], [said.inputTokens, said.outputTokens, false]);
  if (usage) same("usage told to the client", usage, said);
  if (text !== "") same("who answered", text.slice(0, text.indexOf(".")), deployment === first ? "first" : second);
  return wrong;
}
