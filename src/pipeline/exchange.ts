/** How one attempt is spoken: what is sent to the deployment, and how its answer reaches the client. */
import type { Loss } from "../chat/index.ts";
import type { GatewayError } from "../errors.ts";
import type { Spliced } from "./spliced.ts";
import type { Answer, Errand, Flow, Observation, SentBody, StreamObserver, StreamParser } from "../protocols/protocol.ts";

/** A request as a deployment takes it, and the reading of its answer. */
export type Exchange = {
  /** Protocol that is spoken to the provider. */
  readonly protocol: string;
  /** Path under the provider's base URL. */
  readonly path: string;
  readonly body: SentBody;
  readonly headers: Readonly<Record<string, string>>;
  /** What of the client's request the deployment does not hear. */
  readonly losses: readonly Loss[];
  /** Which of them it must not miss. */
  readonly needed?: readonly Loss[];
  /** Whether an error body of the provider may pass as it is. */
  readonly sameErrors: boolean;
  /** How often it is asked, where one answer has less than the client wants. Absent: once. */
  readonly times?: number;
  /** What must be asked before an answer is there; undefined: it is. */
  follow?(answer: Answer): Errand | undefined;
  /** Reads a whole answer of status 2xx, and those asked for beside it. Throws when it is none. */
  read(bytes: Uint8Array, contentType: string, more?: readonly Answer[], headers?: Headers): WholeAnswer;
  watch(): Watch;
  /** Where the answer is bytes that go on as they come. undefined: it is read whole. */
  flows?(contentType: string): Flow | undefined;
  /** Reads a stream of the deployment's; absent where nothing is translated. */
  parse?(): StreamParser;
};

/** `type` undefined: the upstream's own. An error that came with status 200 is told as what it is. */
export type WholeAnswer = { seen: Observation; losses?: readonly Loss[] } & ({ body: string | Uint8Array; type?: string } | { error: GatewayError });

export type Watch = {
  observer: StreamObserver;
  /** Nothing has to be taken out or written anew. */
  native: boolean;
  type?: string;
  /** The observer, where another deployment may go on with the stream. */
  spliced?: Spliced | undefined;
  /** The client's words for a stream that broke off. */
  broken(error: GatewayError): string;
};
