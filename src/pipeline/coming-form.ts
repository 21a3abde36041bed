/** A form whose file is sent on while it is still coming: in memory stands only what is between the two. */
import { GatewayError } from "../errors.ts";
import type { Form } from "../form.ts";
import { SentFile, type FormValue } from "../protocols/crossing.ts";

/** So much of a file is looked at before it is sent on: its header. */
const headBytes = 64 * 1024;

type Part = Extract<NonNullable<Awaited<ReturnType<Form["next"]>>>, { body: unknown }>;
export type Fields = Map<string, FormValue[]>;

export class ComingForm {
  readonly file: SentFile;
  private readonly form: Form;
  private readonly rest: AsyncGenerator<Uint8Array, void>;
  private readonly fields: Fields;
  private over = false;
  /** Hears of every field behind the file, and throws where it cannot stand with the others. */
  heard: (fields: Fields) => void = () => {};

  /** `fields`: those that stand before the file, to which it and those behind it are added. */
  static async begin(form: Form, { name, filename, type, body }: Part, fields: Fields, most: number): Promise<ComingForm> {
    const head: Uint8Array[] = [];
    for (let bytes = 0; bytes < headBytes; ) {
      const { value } = await body.next();
      if (!value) break;
      head.push(value);
      bytes += value.length;
    }
    return new ComingForm(form, { name, filename, type, body }, fields, { head, most });
  }

  private constructor(form: Form, { name, filename, type, body }: Part, fields: Fields, { head, most }: { head: Uint8Array[]; most: number }) {
    this.form = form;
    this.rest = body;
    this.fields = fields;
    this.file = new SentFile(filename, type, head, { most, file: this.wanted(body), fields: this.behind() });
    fields.set(name, [...(fields.get(name) ?? []), this.file]);
  }

  /** Holds what is coming after all, and gives the whole form. Throws as reading it does. */
  async whole(): Promise<Fields> {
    const { filename, type, pieces, coming } = this.file;
    const held = new SentFile(filename, type, [...pieces, ...(await Array.fromAsync(this.rest))]);
    for (const [name, values] of this.fields) this.fields.set(name, values.map((value) => (value === this.file ? held : value)));
    for await (const _ of coming!.fields) continue;
    return this.fields;
  }

  /** Whoever was sent the form has answered: what has not come yet is dropped. Never rejects. */
  async drop(): Promise<void> {
    if (this.over) return;
    this.over = true;
    await this.form.drop();
  }

  private async *wanted(body: AsyncGenerator<Uint8Array, void>): AsyncGenerator<Uint8Array> {
    for await (const bytes of body) {
      if (this.over) throw new GatewayError("upstream_error", "The answer came before the request was over.");
      yield bytes;
    }
  }

  private async *behind(): AsyncGenerator<readonly [string, FormValue]> {
    for (let part = await this.form.next(); part && !this.over; part = await this.form.next()) {
      const value = "value" in part ? part.value : new SentFile(part.filename, part.type, await Array.fromAsync(part.body));
      this.fields.set(part.name, [...(this.fields.get(part.name) ?? []), value]);
      this.heard(this.fields);
      yield [part.name, value];
    }
    this.over = true;
  }
}
