import { DurableObject } from "cloudflare:workers";
import { GatewayError } from "../errors.ts";
import { Meters } from "../limits/index.ts";
import { LimitError } from "../pipeline/admit.ts";
import { asGatewayError, isolateOf, type Isolate } from "../pipeline/index.ts";
import { post, renew, renewEveryMs } from "../pipeline/lasting.ts";
import type { Progress, Variant } from "../protocols/job.ts";
import { videoWishIn } from "../protocols/media/video-wish.ts";
import type { Endpoint } from "../providers/index.ts";
import { log } from "../telemetry/index.ts";
import { keysHeader, type Principal } from "../accounts/index.ts";
import { askOne, contextFor, deployedAt, makerOf, reserve } from "./begin.ts";
import { askAfter, askToRemove, endpointAt, opened, outcomeFor, sealed } from "./follow.ts";
import { againMs, beginningMs, interrupted, keepsTrying, longestMs, madeOf, mostGone, notReady, ordered, wakesAt } from "./course.ts";
import { callsBack, nextTry, tell } from "./callback.ts";
import { fieldsFromRpc, isComing, plainOf, videoOf, type Created, type Deployed, type Job, type Order, type Place } from "./job.ts";
import { keepFilm } from "./keep.ts";
import { VideoList } from "./list.ts";

const row = "job";

/**
 * One film: what is held for it, the work at its provider, and what it came to. Every step is written down before it is taken, and may be
 * taken again: whoever wakes up finds how it stands. What may have been sent is never sent again.
 */
export class VideoJob extends DurableObject<Cloudflare.Env> {
  private job: Job | undefined;
  /** Somebody begins it in this very object: it has not died over it. */
  private beginning = false;
  private stepping = false;
  /** What its isolate holds; but nobody's calls may ride with another object's. */
  private readonly isolate: Isolate;

  constructor(state: DurableObjectState, env: Cloudflare.Env) {
    super(state, env);
    this.job = state.storage.kv.get<Job>(row);
    this.isolate = { ...isolateOf(env), meters: new Meters(env.KEY_METER) };
  }

  /** Begins it. Again with the same name and request: how it stands. */
  async create(order: Order): Promise<Created> {
    if (this.job) {
      if (this.job.fingerprint === order.fingerprint && !this.job.deleted) return { is: "made", video: await this.told(this.job), losses: this.job.losses, rate: undefined };
      return { is: "refused", error: plainOf(new GatewayError("idempotency_conflict", "This Idempotency-Key was used for another request. Send a new one.", { param: "Idempotency-Key", shouldRetry: false })), rate: undefined };
    }
    this.beginning = true;
    try {
      return await this.begin(order, this.isolate);
    } finally {
      this.beginning = false;
    }
  }

  /** undefined: there is none, or its client has deleted it. */
  async look(): Promise<{ video: ReturnType<typeof videoOf> } | undefined> {
    const { job } = this;
    return !job || job.deleted ? undefined : { video: await this.told(job) };
  }

  /** Where a part of it is. */
  where(variant: Variant): Place | undefined {
    const { job } = this;
    if (!job || job.deleted) return undefined;
    if (job.standing !== "completed" || isComing(job)) return { is: "not", error: plainOf(notReady(job)) };
    if (variant === "video" && job.keeping?.done) return { is: "kept", fileId: job.keeping.fileId };
    const url = makerOf(job.at!.protocol)?.content(job.ref!, job.film, variant);
    if (url === undefined) return { is: "not", error: plainOf(new GatewayError(variant === "video" ? "not_found" : "invalid_request", `variant: whoever made this film gives no ${variant} of it`, { param: "variant" })) };
    return { is: "there", at: job.at!, url };
  }

  /** What another film may be made of; why not, where it cannot. */
  source(): { at: Deployed; ref: string; film: string | undefined } | { error: ReturnType<typeof plainOf> } | undefined {
    const { job } = this;
    if (!job || job.deleted) return undefined;
    return job.standing === "completed" ? { at: job.at!, ref: job.ref!, film: job.film } : { error: plainOf(notReady(job)) };
  }

  /** Whether there was one. It is gone for its client at once. Work that its provider does not end goes on to be charged for what it is. */
  async remove(): Promise<boolean> {
    const { job } = this;
    if (!job || job.deleted) return false;
    this.save({ ...job, deleted: true });
    await new VideoList(this.env.DB).drop(job.organisationId, job.id);
    if (job.at && job.ref !== undefined) {
      const removed = await this.endpoint(job).then((endpoint) => askToRemove(endpoint, job.at!, job.ref!), () => false);
      const now = this.job!;
      if (removed && now.standing === "running") {
        this.end(now, "cancelled", undefined, { code: "cancelled", message: "It was deleted." });
        await this.settle().catch(() => {});
      }
    }
    if (this.job!.keeping) await this.isolate.files.delete(job.organisationId, this.job!.keeping!.fileId);
    await this.ctx.storage.setAlarm(Date.now());
    return true;
  }

  /** Never rejects: every step that did not come off is taken again later. */
  override async alarm(): Promise<void> {
    if (this.stepping) return this.ctx.storage.setAlarm(Date.now() + againMs);
    this.stepping = true;
    try {
      await this.step();
    } catch (error) {
      log("warn", "video_step_failed", { video: this.job?.id ?? null, message: String(error) });
    } finally {
      this.stepping = false;
      await this.arm();
    }
  }

  private async begin(order: Order, isolate: Isolate): Promise<Created> {
    this.save(ordered(order, Date.now()));
    await this.ctx.storage.setAlarm(Date.now() + beginningMs);
    let keptDays: number | undefined;
    const context = { ...contextFor(order, isolate, (promise) => this.ctx.waitUntil(promise)), recognised: ({ keeps }: Principal) => void (keptDays = keeps?.outputDays) };
    let admission;
    try {
      admission = await reserve(context, order);
    } catch (thrown) {
      await this.forget();
      return { is: "refused", error: plainOf(asGatewayError(thrown, context)), rate: thrown instanceof LimitError ? thrown.rate : undefined };
    }
    const { policy, reserved, rate, plan, sovereign } = admission;
    const callback = order.callback && { ...order.callback, url: await sealed(isolate.masters, order, order.callback.url), tries: 0, nextAtMs: 0, done: false };
    this.save({ ...this.job!, policy, reserved, keptDays, ...(callback && { callback }), ...(!sovereign && { prompt: await sealed(isolate.masters, order, videoWishIn(fieldsFromRpc(order.fields)).prompt) }) });
    const brought = context.request.headers.get(keysHeader);
    const sealedKeys = brought === null ? undefined : await sealed(isolate.masters, order, brought);
    let failure = new GatewayError("no_provider", "Nobody who makes such films is set up here.");
    for (const attempt of plan.attempts) {
      if (this.job!.deleted) break;
      const asked = await askOne(context, order, attempt, () => this.save({ ...this.job!, standing: "submitting", at: deployedAt(attempt, sealedKeys) }));
      if (asked.is === "begun") {
        this.save({ ...this.job!, standing: "running", ref: asked.ref, losses: asked.losses, renewedAtMs: Date.now() });
        await this.ctx.storage.setAlarm(Date.now() + this.isolate.settings.VIDEO_POLL_MS);
        return { is: "made", video: await this.told(this.job!), losses: asked.losses, rate };
      }
      failure = asked.failure.error;
      const { deployment } = attempt;
      this.save({ ...this.job!, standing: "reserving", refused: [...this.job!.refused, { deployment, status: failure.status, errorCode: failure.code, upstreamRequestId: asked.failure.upstreamRequestId }] });
      if (asked.is === "unknown" || !asked.failure.failsOver) break;
    }
    this.end(this.job!, "failed", undefined, { code: failure.code, message: failure.message });
    await this.settle().catch(() => {});
    this.save({ ...this.job!, deleted: true, callback: undefined });
    if (this.job!.posted) await this.forget().catch(() => {});
    else await this.ctx.storage.setAlarm(Date.now() + againMs);
    return { is: "refused", error: plainOf(failure), rate };
  }

  private async step(): Promise<void> {
    const job = this.job!;
    if (!this.job) return;
    if (job.standing === "reserving" || job.standing === "submitting") {
      if (this.beginning) return this.renewed(job);
      this.end(job, "failed", undefined, interrupted(job));
    }
    if (this.job!.standing === "running") await this.follow(this.job!);
    if (this.job!.outcome && !this.job!.posted) await this.settle();
    if (callsBack(this.job!) && this.job!.callback!.nextAtMs <= Date.now()) await this.callBack(this.job!);
    if (keepsTrying(this.job!)) await this.keep(this.job!);
  }

  private async callBack(job: Job): Promise<void> {
    const callback = nextTry(job.callback!, Date.now());
    this.save({ ...job, callback });
    if (await tell(this.isolate.masters, job, callback, Date.now())) this.save({ ...this.job!, callback: { ...callback, done: true } });
    else if (callback.done) log("warn", "video_callback_unheard", { video: job.id, tries: callback.tries });
  }

  private async follow(job: Job): Promise<void> {
    await this.renewed(job).catch(() => {});
    const endpoint = await this.endpoint(job).catch(() => undefined);
    const progress = endpoint && (await askAfter(endpoint, job.at!, job.ref!));
    const now = this.job!;
    if (now.standing !== "running") return;
    const polls = now.polls + 1;
    if (progress === undefined || progress === "gone") {
      const unanswered = now.unanswered + 1;
      this.save({ ...now, polls, unanswered });
      if (progress === "gone" && unanswered >= mostGone) this.end(this.job!, "failed", undefined, { code: "lost", message: "The provider does not know this film any more." });
    } else if (progress.is === "running") {
      this.save({ ...now, polls, unanswered: 0, begun: progress.begun || now.begun, percent: Math.max(now.percent, Math.min(99, Math.round(progress.percent ?? 0))) });
    } else if (progress.is === "failed") this.end(now, "failed", undefined, { code: progress.code, message: progress.message });
    // What it came to is written down with it, so that it is posted whatever comes.
    else this.end(madeOf(now, progress, makerOf(now.at!.protocol)!.fleeting === true), "completed", progress, undefined, endpoint!);
    if (this.job!.standing === "running" && Date.now() - now.createdAtMs > longestMs) this.end(this.job!, "expired", undefined, { code: "expired", message: "The provider did not finish this film within 24 hours." });
  }

  /** Keeps a film here. Where its provider gave it with its answer, that is asked for again. */
  private async keep(job: Job): Promise<void> {
    const keeping = { ...job.keeping!, tries: job.keeping!.tries + 1 };
    this.save({ ...job, keeping });
    const endpoint = await this.endpoint(job);
    const again = job.film === undefined ? await askAfter(endpoint, job.at!, job.ref!) : undefined;
    const base64 = typeof again === "object" && again.is === "done" ? again.bytes : undefined;
    if (job.film === undefined && base64 === undefined) return;
    await keepFilm(this.isolate, job, keeping.fileId, base64 === undefined ? { endpoint, protocol: job.at!.protocol, at: job.film! } : { base64 });
    if (this.job!.deleted) await this.isolate.files.delete(job.organisationId, keeping.fileId);
    this.save({ ...this.job!, keeping: { ...keeping, done: true } });
  }

  private end(job: Job, standing: Job["standing"], done: Extract<Progress, { is: "done" }> | undefined, error: Job["error"], endpoint?: Endpoint): void {
    const ended: Job = { ...job, standing, endedAtMs: Date.now(), ...(error && { error }) };
    this.save({ ...ended, outcome: outcomeFor(ended, endpoint, done, Date.now()) });
  }

  private async settle(): Promise<void> {
    const { requestId, policy, outcome } = this.job!;
    // Without a policy nothing was reserved.
    if (policy) await post(this.isolate, { requestId, policy }, outcome!);
    this.save({ ...this.job!, posted: true });
  }

  private async renewed({ requestId, policy, renewedAtMs }: Job): Promise<void> {
    if (!policy || Date.now() - renewedAtMs < renewEveryMs) return;
    await renew(this.isolate, { requestId, policy });
    this.save({ ...this.job!, renewedAtMs: Date.now() });
  }

  /** When there is something to do next; nothing at all is kept for ever. */
  private async arm(): Promise<void> {
    const { job } = this;
    if (!job) return;
    const at = wakesAt(job, this.isolate.settings.VIDEO_POLL_MS, Date.now());
    return at === "over" ? this.forget() : this.ctx.storage.setAlarm(at);
  }

  private endpoint(job: Job) {
    return endpointAt(this.isolate, job, job.at!, (promise) => this.ctx.waitUntil(promise));
  }

  private async told(job: Job): Promise<ReturnType<typeof videoOf>> {
    return videoOf(job, job.prompt === undefined ? undefined : await opened(this.isolate.masters, job, job.prompt).catch(() => undefined));
  }

  private save(job: Job): void {
    this.ctx.storage.kv.put(row, job);
    this.job = job;
  }

  private async forget(): Promise<void> {
    const { job } = this;
    if (job) await new VideoList(this.env.DB).drop(job.organisationId, job.id);
    this.job = undefined;
    await this.ctx.storage.deleteAll();
  }
}
