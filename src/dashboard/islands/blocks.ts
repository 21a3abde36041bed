/** Markdown that is still being written, cut into its blocks. Pure: marked reads it, nobody makes HTML of it. */
import { Lexer, Tokenizer, type Token, type Tokens } from "marked";

/** Longer paragraphs are shown without marks inside them, and deeper quotes as they are: reading those takes longer than their length. */
const mostInline = 3_000;
const tooDeep = /^(?: {0,3}> ?){12}/;
/** JSON has backslashes and stars of its own. */
const json = /^\s*(?:\{|\[\s*[[{"])/;

/** HTML is text to us, and so are the addresses that a text names at its end: what was said before them stays as it is. */
class OnlyMarkdown extends Tokenizer {
  override html(): undefined {}
  override tag(): undefined {}
  override def(): undefined {}
  override blockquote(said: string): Tokens.Blockquote | undefined {
    return tooDeep.test(said) ? undefined : super.blockquote(said);
  }
}

class Reader extends Lexer {
  override inlineTokens(said: string, tokens: Token[] = []): Token[] {
    if (said.length <= mostInline) return super.inlineTokens(said, tokens);
    tokens.push({ type: "text", raw: said, text: said } satisfies Tokens.Text);
    return tokens;
  }
}

const tokenizer = new OnlyMarkdown();
const plain = (text: string): Token[] => [{ type: "code", raw: text, text } satisfies Tokens.Code];

function blocksOf(text: string): Token[] {
  try {
    return new Reader({ gfm: true, tokenizer }).lex(text);
  } catch {
    // Nested deeper than the reader's own stack.
    return plain(text);
  }
}

const lines = (text: string): string => text.replace(/\r\n?/g, "\n");

/** A text as far as it is there. Only its last block can go on: so that one block is read anew for each piece, and what stands before it stays as it was drawn. */
export class Growing {
  private text = "";
  private read = 0;
  /** So much of the text are lines that have been looked at. */
  private lined = 0;

  /**
   * Takes the text so far. Returns the blocks that are whole since the last time, and the open ones; undefined: it does not go on from what was whole,
   * and is to be begun anew.
   */
  write(said: string): { whole: readonly Token[]; open: readonly Token[] } | undefined {
    const text = lines(said);
    if (!text.startsWith(this.text.slice(0, this.read))) return undefined;
    this.text = text;
    if (json.test(text)) return this.read > 0 ? undefined : { whole: [], open: plain(text) };
    const whole = this.wholeOf(text);
    return { whole, open: blocksOf(text.slice(this.read)) };
  }

  /** A line that is not over may look like the beginning of a block, and become another word of the one before it: it ends none. */
  private wholeOf(text: string): Token[] {
    const lined = text.lastIndexOf("\n") + 1;
    if (lined <= this.lined) return [];
    this.lined = lined;
    const blocks = blocksOf(text.slice(this.read, lined));
    const whole = blocks.slice(0, Math.max(blocks.findLastIndex(({ type }) => type !== "space"), 0));
    this.read += whole.reduce((length, { raw }) => length + raw.length, 0);
    return whole;
  }
}
