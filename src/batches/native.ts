/**
 * A provider's own batch, where it is cheaper: lines that are all for one model of it are handed over together, and their answers come back
 * later. Each answer then takes the one path as if it had come at once, so that it is metered, limited and told like any other, at the batch price.
 */
import { GatewayError } from "../errors.ts";
import { allInForce } from "../ledger/price.ts";
import { log } from "../telemetry/log.ts";
import type { Prepared } from "../pipeline/index.ts";
import { ProviderCalls } from "../upstream/provider-batches.ts";
import { requestIdOf, type Native } from "./batch.ts";
import type { Bench } from "./bench.ts";
import { accountOf } from "./native-account.ts";
import { keepAll } from "./native-answers.ts";
import { byFiles } from "./native-files.ts";
import { inline } from "./native-inline.ts";
import { keyed } from "./native-keyed.ts";
import type { Kind, Load, Theirs } from "./native-kind.ts";
import { barredAt, firstAt, firstSuiting, loadOf } from "./native-lines.ts";
import { named } from "./native-named.ts";
import { mostStrikes } from "./part.ts";

const kinds: Readonly<Record<NonNullable<Prepared["attempt"]["endpoint"]["provider"]["batches"]>["by"], Kind>> = { files: byFiles, inline, keyed, named };

/** After so long what is not done yet is called back, and run here. */
const nativeForMs = 22 * 3_600_000;
/** What is not over so long after the batch's own end is not waited for. */
const waitedForMs = 3_600_000;

const notFound = 404;

type Step = { readonly native: Native; readonly there?: There | undefined; readonly theirs?: Theirs | undefined };
type There = { readonly kind: Kind; readonly calls: ProviderCalls };

const over: Step = { native: { state: "over" } };
const ended = (native: Native): Step => ({ native: { ...native, state: "over" } });

/** One step of it: hands the lines over, looks for what was handed over, or asks how it stands and keeps the answers. */
export async function doNative(bench: Bench): Promise<void> {
  const { run, isolate, work: { batch, part: { part, lease } } } = bench;
  const native = batch.native!;
  const { native: next, there, theirs } = await steps[native.state](bench, native);
  if (next !== native && !(await run.native(lease, next))) return;
  if (next.state !== "over") return run.leave(part, lease, { again: true, waitMs: isolate.settings.PROVIDER_BATCH_POLL_MS });
  await there?.kind.remove(there.calls, next, theirs);
}

const steps: Readonly<Record<Native["state"], (bench: Bench, native: Native) => Promise<Step> | Step>> = {
  offered: (bench) => (isUnwanted(bench) || isHopeless(bench) ? over : offer(bench)),
  asked: lookFor,
  sent: follow,
  over: () => over,
};

/** What a provider refuses is run here; what may pass is tried again. */
const isRefused = (error: unknown): boolean => error instanceof GatewayError && error.code !== "upstream_error" && error.code !== "limiter_unavailable";

const thereFor = (first: Prepared): There => ({ kind: kinds[first.attempt.endpoint.provider.batches!.by], calls: new ProviderCalls(first.attempt.endpoint) });

/** The account that was asked, as long as it is waited for; what else to do where nobody can get in there (any more, or now). */
async function placeOf(bench: Bench, native: Native): Promise<There | Step> {
  const { isolate, work: { batch: { id, keyId, expiresAtMs } } } = bench;
  await isolate.meters.of(keyId).apply([{ do: "renew", id: requestIdOf(id, 0, native.hold!) }]);
  const isLate = Date.now() >= expiresAtMs + waitedForMs;
  if (!native.at) return placeByKey(bench, native, isLate);
  const calls = await accountOf(bench, native);
  if (!calls) log("warn", "batch_account_gone", { batch: id, provider: native.provider!, own: native.at.own, given_up: isLate });
  const there = calls && { calls, kind: kinds[isolate.endpoints.get(native.provider!)![0]!.provider.batches!.by] };
  return isLate ? { ...ended(native), there } : (there ?? { native });
}

/** The same of a batch that was asked for before it was noted where: as its key reaches it. */
async function placeByKey(bench: Bench, native: Native, isLate: boolean): Promise<There | Step> {
  const first = isLate ? undefined : await firstAt(bench, native.provider!);
  if (!first) return ended(native);
  return first.attempt.vital === native.vital ? thereFor(first) : { native };
}

/** Hands the lines over, if that is possible and there is money for all of them. */
async function offer(bench: Bench): Promise<Step> {
  const { isolate, work: { batch, part: { lease } } } = bench;
  const first = await firstSuiting(bench);
  if (!first) return over;
  const there = thereFor(first);
  const { kind, calls } = there;
  const { policy, attempt: { endpoint, ...attempt }, exchange: { path } } = first;
  const { vital, own = false, prices } = attempt;
  const noted = { provider: endpoint.provider.id, vital, at: { baseUrl: endpoint.baseUrl, own }, attempt: { ...attempt, prices: allInForce(prices, Date.now()) }, path };
  const { load, estimate } = await loadOf(bench, first, kind);
  if (load.lines === 0) return over;
  const reply = await isolate.meters.submit({ do: "reserve", id: requestIdOf(batch.id, 0, lease), version: policy.version, estimate, model: batch.model! }, policy);
  if (reply.is !== "granted") return over;
  try {
    const file = await kind.stage?.(calls, load);
    return await ask(bench, there, load, { state: "asked", ...noted, hold: lease, ...(file !== undefined && { file }) });
  } catch (error) {
    if (isRefused(error)) return over;
    throw error;
  }
}

/** Asks the provider for a batch. It is noted before: whoever is interrupted from there on looks for what may have become of it. */
async function ask(bench: Bench, there: There, load: Load, native: Native): Promise<Step> {
  const { run, work: { part: { lease } } } = bench;
  const { kind, calls } = there;
  const asked: Native = { ...native, lines: load.lines, askedAtMs: Date.now(), others: [] };
  if (!(await run.native(lease, asked))) throw new GatewayError("upstream_error", "The lease was lost.");
  try {
    const { id } = await kind.ask(calls, load, native.file);
    return { native: { ...asked, state: "sent", id } };
  } catch (error) {
    if (isRefused(error)) return { ...ended(asked), there };
    throw error;
  }
}

/** Looks for a batch of which it is not known whether the provider made it, and asks again once it is known that it did not. */
async function lookFor(bench: Bench, native: Native): Promise<Step> {
  const { isolate, work: { batch } } = bench;
  const there = await placeOf(bench, native);
  if ("native" in there) return there;
  const askMs = isolate.settings.PROVIDER_BATCH_ASK_MS;
  const { lines, path, askedAtMs, others, file } = native as Required<Native>;
  const isLate = Date.now() > askedAtMs + askMs;
  const found = await there.kind.find(there.calls, { mark: batch.id, lines, path, file, askedAtMs, others, askMs });
  if (found.is === "ours") return { native: { ...native, state: "sent", id: found.id } };
  if (found.is === "unclear" || !isLate) return { native: found.others.length > others.length ? { ...native, others: found.others } : native };
  if (isUnwanted(bench) || isHopeless(bench)) return { ...ended(native), there };
  const first = await firstAt(bench, native.provider!);
  if (first?.attempt.vital !== native.vital) return { ...ended(native), there };
  const { load } = await loadOf(bench, first!, there.kind);
  return load.lines > 0 ? ask(bench, there, load, native) : { ...ended(native), there };
}

/** How it stands. What takes too long, or is not wanted or allowed any more, is called back; answers are kept when it is over. */
async function follow(bench: Bench, native: Native): Promise<Step> {
  const there = await placeOf(bench, native);
  if ("native" in there) return there;
  const { kind, calls } = there;
  const theirs = await kind.get(calls, native).catch((error: unknown): Theirs => {
    if (error instanceof GatewayError && error.status === notFound) return { id: native.id!, over: true, answers: [] };
    throw error;
  });
  if (theirs.over) {
    const kept = await keepAll(bench, there, theirs);
    return { native: { ...native, ...kept, state: kept.read === undefined ? "over" : native.state }, there, theirs };
  }
  if (native.stopped || !(isUnwanted(bench) || (await isBarred(bench, native)))) return { native };
  await kind.cancel(calls, native);
  return { native: { ...native, stopped: true } };
}

/** What its key may not have done any more is called back: the lines would not run here either. */
async function isBarred(bench: Bench, { provider }: Native): Promise<boolean> {
  const why = await barredAt(bench, provider!);
  if (why !== undefined) log("info", "batch_called_back", { batch: bench.work.batch.id, provider: provider!, why });
  return why !== undefined;
}

/** Handing the lines over kills whoever does it. */
const isHopeless = ({ work: { part: { strikes } } }: Bench): boolean => strikes >= mostStrikes;
const isUnwanted = ({ work: { batch: { ending, createdAtMs } } }: Bench): boolean => ending !== undefined || Date.now() > createdAtMs + nativeForMs;
