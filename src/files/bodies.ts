/**
 * What requests said and what they were answered, of organisations that keep it: each request's in an object of its own in R2, under a key that is
 * drawn for it and sealed as files' keys are. An object stands under the day on which it ends, so that what is over is found without reading it.
 */
import type { Masters } from "../accounts/credentials.ts";
import { Cipher, FileKeys } from "./cipher.ts";

const prefix = "bodies/";
const dayMs = 86_400_000;
const listedAtOnce = 1_000;
const mostDays = 30;

/** `text` undefined: it is no text. `bytes`: of all of it, as far as it came; `whole`: all of it is in `text`. */
export type Body = { readonly text: string | undefined; readonly bytes: number; readonly whole: boolean };
export type Bodies = { readonly request: Body; readonly response: Body & { readonly type: string } };

/** Whose request, for how many days from its beginning. `id`: as the ledger has it, which begins with the time. */
export type Keeping = { organisationId: string; id: string; days: number };

const idPattern = /^req_([0-9a-f]{12})[0-9a-f]+(?:r\d{1,6})?$/;
const beganMs = (id: string): number | undefined => { const hex = idPattern.exec(id)?.[1]; return hex === undefined ? undefined : Number.parseInt(hex, 16); };
const dayOf = (ms: number): string => String(Math.floor(ms / dayMs)).padStart(8, "0");
const nameOf = ({ organisationId, id }: Keeping, endsMs: number): string => `${prefix}${dayOf(endsMs)}/${organisationId}/${id}`;

export class KeptBodies {
  private readonly bucket: R2Bucket;
  private readonly keys: FileKeys;

  constructor(bucket: R2Bucket, masters: Masters) {
    this.bucket = bucket;
    this.keys = new FileKeys(masters);
  }

  /** Keeps them; again, in their place. */
  async keep(keeping: Keeping, bodies: Bodies): Promise<void> {
    const { organisationId, id, days } = keeping;
    const began = beganMs(id);
    if (began === undefined) return;
    const name = nameOf(keeping, began + days * dayMs);
    const { key, seal } = await this.keys.create({ organisationId, id });
    await this.bucket.put(name, await new Cipher(key, name).seal(0, true, new TextEncoder().encode(JSON.stringify(bodies))), { customMetadata: { seal } });
  }

  /** What was kept of a request, as long as `days` have not passed since it began; undefined: nothing, or no more. */
  async find(keeping: Keeping, nowMs: number): Promise<Bodies | undefined> {
    const { organisationId, id, days } = keeping;
    const began = beganMs(id);
    if (began === undefined || nowMs >= began + days * dayMs) return undefined;
    // Where the number of days was another one then, it stands under another day.
    const others = Array.from({ length: mostDays }, (_, i) => i + 1).filter((one) => one !== days);
    for (const one of [days, ...others]) {
      const name = nameOf(keeping, began + one * dayMs);
      const object = await this.bucket.get(name);
      if (!object) continue;
      const key = await this.keys.open({ organisationId, id }, object.customMetadata!.seal!);
      return JSON.parse(new TextDecoder().decode(await new Cipher(key, name).open(0, true, new Uint8Array(await object.arrayBuffer())))) as Bodies;
    }
    return undefined;
  }

  /** Deletes what is over. Names stand in the order of their days. */
  async tidy(nowMs: number): Promise<void> {
    for (;;) {
      const { objects, truncated } = await this.bucket.list({ prefix, limit: listedAtOnce });
      const over = objects.filter(({ key }) => key < `${prefix}${dayOf(nowMs)}`).map(({ key }) => key);
      if (over.length > 0) await this.bucket.delete(over);
      if (!truncated || over.length < objects.length) return;
    }
  }
}
