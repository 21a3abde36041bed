/**
 * How many tokens a text can have, at most. A token of a byte-level vocabulary (GPT, Claude, Llama 3, Qwen, DeepSeek) covers at least
 * one byte of UTF-8, and so does one of a vocabulary that falls back to bytes (Llama 2, Gemma, Mistral): no text has more tokens than
 * bytes. Some read it in Unicode's compatibility form first (Claude's published tokenizer: 15 tokens for the 3 bytes of U+FDFA), so the
 * longer of both counts. Nothing less holds for every text: random digits, base64 and rare scripts come to one token a byte.
 */
const beyondAscii = /[\u0080-\uffff]/;

/** Upper bound of a text's tokens: its bytes in UTF-8. */
export function textBound(text: string): number {
  if (!beyondAscii.test(text)) return text.length;
  const plain = utf8Length(text);
  const normal = text.normalize("NFKC");
  return normal === text ? plain : Math.max(plain, utf8Length(normal));
}

/** Bytes of a text in UTF-8; half a surrogate pair is sent as U+FFFD. */
function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) bytes += 1;
    else {
      bytes += 2;
      // A pair is two units and four bytes.
      if (unit >= 0xd800 && unit < 0xdc00 && isLow(text.charCodeAt(i + 1))) i += 1;
    }
  }
  return bytes;
}

const isLow = (unit: number): boolean => unit >= 0xdc00 && unit < 0xe000;
