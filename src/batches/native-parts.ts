/** Answers that come in parts, one to each thing that a line asks for. A provider tells a line's one after the other, so that hardly more than one line is waited for at a time. */
import type { Answer, Kind } from "./native-kind.ts";
import { mostAnswerBytes } from "./seal.ts";

type Waiting = { readonly parts: (Answer | undefined)[]; missing: number; length: number };

export class Parts {
  private readonly waiting = new Map<number, Waiting>();
  private length = 0;
  private readonly join: NonNullable<Kind["join"]>;

  constructor({ join = (bodies) => bodies.join("") }: Pick<Kind, "join">) {
    this.join = join;
  }

  /** Some line has not all of its parts. */
  get areOpen(): boolean {
    return this.waiting.size > 0;
  }

  /** What a line is answered with, once the last part of it has come: the first error of them, or all of them joined. */
  whole(answer: Answer): Answer | undefined {
    const { line, part } = answer;
    if (!part) return answer;
    const { of, index } = part;
    const waiting = this.waiting.get(line) ?? { parts: Array.from<Answer | undefined>({ length: of }), missing: of, length: 0 };
    if (index >= of || waiting.parts.length !== of || waiting.parts[index]) return undefined;
    waiting.parts[index] = answer;
    waiting.missing -= 1;
    waiting.length += answer.body.length;
    this.length += answer.body.length;
    this.waiting.set(line, waiting);
    if (waiting.missing > 0) return void this.bound();
    this.drop(line, waiting);
    const parts = waiting.parts as Answer[];
    const { status, body } = parts.find((one) => one.status >= 400) ?? { status: 200, body: this.join(parts.map((one) => one.body)) };
    return { line, status, body };
  }

  /** A line of which a part is missing is forgotten before it fills the memory: it runs here. */
  private bound(): void {
    for (const [line, waiting] of this.waiting) {
      if (this.length <= mostAnswerBytes) return;
      this.drop(line, waiting);
    }
  }

  private drop(line: number, { length }: Waiting): void {
    this.waiting.delete(line);
    this.length -= length;
  }
}
