/** Several legacy completions as one: the choices of the second prompt stand behind those of the first. */
import { objects, record, type Json } from "../json.ts";
import { usageTogether } from "../usage-together.ts";

/** A choice of this prompt, as it stands among all. `choices`: how many each prompt has. */
const placed = (choice: Json, prompt: number, choices: number): Json => ({ ...choice, index: prompt * choices + (typeof choice.index === "number" ? choice.index : 0) });

const usageOf = (usages: readonly unknown[]): Json => (usages.some((usage) => usage == null) ? {} : { usage: usages.map(record).reduce(usageTogether) });

/** Whole answers, one to each prompt. */
export function joinAnswers(answers: readonly Json[], choices: number): Json {
  const all = answers.flatMap((answer, prompt) => objects(answer.choices).map((choice) => placed(choice, prompt, choices)));
  return { ...answers[0], choices: all, ...usageOf(answers.map(({ usage }) => usage)) };
}

/** Streams, one for each prompt, told as one. */
export class JoinedStreams {
  private head: Json = {};
  private readonly usages: unknown[] = [];
  private readonly prompts: number;
  private readonly choices: number;

  constructor(prompts: number, choices: number) {
    this.prompts = prompts;
    this.choices = choices;
  }

  /** An event of one prompt's stream. Usage is told at the end. */
  push(prompt: number, event: Json): string {
    const { id, created, model, object } = event;
    if (this.head.id === undefined) this.head = { id, created, model, object };
    const choices = objects(event.choices).map((choice) => placed(choice, prompt, this.choices));
    if (event.usage != null) this.usages.push(event.usage);
    return choices.length === 0 ? "" : this.frame({ ...event, ...this.head, choices, ...("usage" in event && { usage: null }) });
  }

  end(): string {
    const usage = this.usages.length === this.prompts ? this.frame({ ...this.head, choices: [], ...usageOf(this.usages) }) : "";
    return `${usage}data: [DONE]\n\n`;
  }

  private frame(data: Json): string {
    return `data: ${JSON.stringify(data)}\n\n`;
  }
}
