/** A model that goes on with an answer which another began. */

/**
 * How a model is asked to go on with the beginning of an answer, the conversation's last turn. Where nothing is said here that turn alone
 * is enough. Its text goes without the white space at its end, which some refuse.
 */
export type Prefill = {
  /** Fields of the last message, and of the request's body, that ask for it. */
  readonly message?: Readonly<Record<string, unknown>>;
  readonly body?: Readonly<Record<string, unknown>>;
  /** Where it is asked, if not where answers usually are. */
  readonly path?: string;
  /** The answer may begin with what it was given to go on with. */
  readonly echoes?: true;
  /** It does so also where the model may call tools. */
  readonly withTools?: true;
};
