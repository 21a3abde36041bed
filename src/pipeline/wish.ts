/** Headers that ask for something. Pure. */

/** Whatever is not clearly a no is a yes (`yes`, `true, true`, nothing): a slip must not send a prompt out of the house, nor lose what strictness guards. */
export const isWish = (value: string | null): boolean => value !== null && !/^(false|0|no|off)$/i.test(value.trim());
