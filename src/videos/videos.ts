/** The films of organisations, as routes ask for them. */
import { encodeBase62 } from "../accounts/base62.ts";
import type { Principal } from "../accounts/index.ts";
import { GatewayError } from "../errors.ts";
import { newDigits } from "../files/index.ts";
import type { Isolate, RequestContext } from "../pipeline/index.ts";
import type { Video } from "../protocols/index.ts";
import type { Derivation, Variant } from "../protocols/job.ts";
import { headersOf } from "./begin.ts";
import { errorOf, fieldsOverRpc, type Created, type Deployed, type Order, type Place } from "./job.ts";
import { VideoList, type ListQuestion } from "./list.ts";
import type { VideoJob } from "./video-job.do.ts";

const idForm = /^video_[0-9A-Za-z]{27}$/;
const idDigits = 27;
const encoder = new TextEncoder();

const missing = (id: string): GatewayError => new GatewayError("not_found", `There is no video ${JSON.stringify(id.slice(0, 64))}.`, { param: "video_id" });

export class Videos {
  private readonly isolate: Isolate;
  private readonly list: VideoList;

  constructor(isolate: Isolate) {
    this.isolate = isolate;
    this.list = new VideoList(isolate.env.DB);
  }

  /** An object of its organisation's, by an id that might be one: no other organisation's has its name. */
  private object(organisationId: string, id: string): DurableObjectStub<VideoJob> {
    if (!idForm.test(id)) throw missing(id);
    return this.isolate.env.VIDEO_JOB.getByName(`${organisationId}/${id}`);
  }

  /** Begins a film. A request with a name begins one, however often it comes. */
  async create({ request, requestId, startedAtMs }: RequestContext, { organisationId, keyId }: Principal, fields: Record<string, unknown>, { from, callback }: Pick<Order, "from" | "callback"> = {}): Promise<Created> {
    const name = request.headers.get("idempotency-key");
    const id = name === null ? `video_${newDigits(startedAtMs)}` : `video_${await digitsOf(`${keyId} ${name}`)}`;
    const plain = fieldsOverRpc(fields);
    const order: Order = {
      id, organisationId, keyId, requestId, createdAtMs: startedAtMs, url: request.url, headers: headersOf(request.headers), fields: plain, ...(from && { from }), ...(callback && { callback }),
      ...(name !== null && { fingerprint: await digitsOf(JSON.stringify([plain, from?.id, from?.how, callback?.url], (_, value: unknown) => (value instanceof Uint8Array ? value.toBase64() : value))) }),
    };
    await this.list.add(organisationId, id, startedAtMs);
    return this.object(organisationId, id).create(order);
  }

  async find({ organisationId }: Principal, id: string): Promise<Video> {
    const found = await this.object(organisationId, id).look();
    if (!found) throw missing(id);
    return found.video as Video;
  }

  /** What one has been asked for and its object does not know has come to nothing: it is left out. */
  async page({ organisationId }: Principal, question: ListQuestion): Promise<{ videos: Video[]; hasMore: boolean }> {
    const ids = await this.list.page(organisationId, question);
    const found = await Promise.all(ids.slice(0, question.limit).map(async (id) => (await this.object(organisationId, id).look())?.video as Video | undefined));
    return { videos: found.filter((one) => one !== undefined), hasMore: ids.length > question.limit };
  }

  async remove({ organisationId }: Principal, id: string): Promise<void> {
    if (!(await this.object(organisationId, id).remove())) throw missing(id);
  }

  /** Where a part of a film is. Throws why there is none. */
  async where({ organisationId }: Principal, id: string, variant: Variant): Promise<Exclude<Place, { is: "not" }>> {
    const place = (await this.object(organisationId, id).where(variant)) as Place | undefined;
    if (!place) throw missing(id);
    if (place.is === "not") throw errorOf(place.error);
    return place;
  }

  /** One of its films, to make another of. Throws why it cannot be. */
  async source({ organisationId }: Principal, id: string, how: Derivation): Promise<NonNullable<Order["from"]>> {
    const source = (await this.object(organisationId, id).source()) as { at: Deployed; ref: string; film: string | undefined } | { error: Parameters<typeof errorOf>[0] } | undefined;
    if (!source) throw missing(id);
    if ("error" in source) throw errorOf(source.error);
    return { id, how, ...source };
  }
}

/** 27 digits that follow from a text. */
async function digitsOf(text: string): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text)));
  return encodeBase62(BigInt(`0x${hash.subarray(0, 20).toHex()}`), idDigits);
}
