/** Where one text goes on with another: what the second repeats of the first is found and left out, to the character. Pure. */

/** White space in the languages that providers are written in, and not in ours. */
const otherSpaces = new Set(["\u001c", "\u001d", "\u001e", "\u001f", "\u0085"]);
const isSpace = (character: string): boolean => /\s/.test(character) || otherSpaces.has(character);
/** The first half of a character of two. */
const isHalf = (character: string): boolean => /[\ud800-\udbff]/.test(character);
/** An echo shorter than this could be chance. */
export const leastEcho = 16;

/** What of a text another can be given to go on with: nothing refuses that as a last turn. */
export function firm(text: string): string {
  let end = text.length;
  if (end > 0 && isHalf(text[end - 1]!)) end -= 1;
  while (end > 0 && isSpace(text[end - 1]!)) end -= 1;
  return text.slice(0, end);
}

/**
 * The continuation of `told`, of which its writer was given the firm part. The loose end that both have stands once. `echoes`: the
 * continuation may begin with all that its writer was given.
 */
export class Seam {
  /** Characters that the continuation has left out so far. */
  dropped = 0;
  private echo: string;
  private loose: string;
  private held = "";

  constructor(told: string, echoes: boolean) {
    const given = firm(told);
    this.echo = echoes && given.length >= leastEcho ? given : "";
    this.loose = told.slice(given.length);
  }

  /** The new part of a piece. */
  push(piece: string): string {
    if (this.echo === "") return this.join(piece);
    this.held += piece;
    if (this.held.length < this.echo.length && this.echo.startsWith(this.held)) return "";
    const rest = this.held.startsWith(this.echo) ? this.held.slice(this.echo.length) : this.held;
    this.dropped += this.held.length - rest.length;
    this.echo = this.held = "";
    return this.join(rest);
  }

  /** The continuation is over: what may have been the beginning of an echo was none. */
  end(): string {
    const { held } = this;
    this.echo = this.held = "";
    return this.join(held);
  }

  private join(piece: string): string {
    let at = 0;
    while (at < piece.length && at < this.loose.length && piece[at] === this.loose[at]) at += 1;
    this.dropped += at;
    this.loose = at === piece.length ? this.loose.slice(at) : "";
    return piece.slice(at);
  }
}
