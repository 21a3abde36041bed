/** The rule of the README's table "Usage, by cause of end", computed from what the upstream says that it sent, without the gateway's code. */
import type { Counts, Piece } from "./tellers.ts";

export type Due = Counts & { estimated: boolean };

const charactersPerToken = 4;

/** What is posted for an answer of which these pieces were seen. `cut`: it was not read to its end, or broke. `inputEstimate`: for a prompt of which nobody said how long it is. */
export function due(pieces: readonly Piece[], cut: boolean, inputEstimate: number): Due {
  const said: Partial<Counts> = Object.assign({}, ...pieces.map((piece) => piece.said));
  const over = pieces.some((piece) => piece.over);
  if (said.input !== undefined && said.output !== undefined) return { input: said.input, output: said.output, estimated: cut && !over };
  const characters = pieces.reduce((sum, piece) => sum + piece.characters, 0);
  if (characters === 0 && pieces.some(({ failed }) => failed)) return { input: 0, output: 0, estimated: false };
  return { input: said.input ?? inputEstimate, output: Math.max(Math.ceil(characters / charactersPerToken), said.output ?? 0), estimated: true };
}

/** What may be posted for a call that was cut when between `least` and `most` pieces had been seen. */
export const dueWithin = (pieces: readonly Piece[], least: number, most: number, inputEstimate: number): Due[] =>
  Array.from({ length: Math.max(0, most - least) + 1 }, (_, i) => due(pieces.slice(0, least + i), true, inputEstimate));

export const isOf = (found: Due, allowed: readonly Due[]): boolean => allowed.some(({ input, output, estimated }) => input === found.input && output === found.output && estimated === found.estimated);
