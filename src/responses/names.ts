/**
 * Names of what is stored. Each holds the name of its thread, whose object has it: nothing is looked up to find it, and a name that was
 * given to somebody else leads nowhere. Pure but for chance.
 */

/** `s…`: sovereign, readable with its maker's own API key only; `t…`: readable by its organisation. Then 20 hexadecimal digits. */
const thread = "[ts][0-9a-f]{20}";
const responsePattern = new RegExp(`^resp_(${thread})_([0-9a-z]{1,40})$`);
const conversationPattern = new RegExp(`^conv_(${thread})$`);
const itemPattern = new RegExp(`^([a-z]{1,8})_((${thread})[0-9a-z]{8})_(.+)$`);

const randomHex = (bytes: number): string => crypto.getRandomValues(new Uint8Array(bytes)).toHex();

export const newThread = (sovereign: boolean): string => (sovereign ? "s" : "t") + randomHex(10);
export const isSovereign = (name: string): boolean => name.startsWith("s");

/** A response's id: its thread, and the id of the request that made it. */
export const responseIdOf = (name: string, requestId: string): string => `resp_${name}_${requestId.replace(/^req_/, "")}`;
export const conversationIdOf = (name: string): string => `conv_${name}`;

/** The thread of a response, conversation or item; undefined: it is no name of ours. */
export const threadOfResponse = (id: string): string | undefined => responsePattern.exec(id)?.[1];
export const threadOfConversation = (id: string): string | undefined => conversationPattern.exec(id)?.[1];
export const threadOfItem = (id: string): string | undefined => itemPattern.exec(id)?.[3];

const short = (own: string): string => own.slice(-8).padStart(8, "0");

/** What marks a response's items as its own: its thread, and the end of its id. */
export const markOf = (responseId: string): string => {
  const [, name = "", own = ""] = responsePattern.exec(responseId) ?? [];
  return name + short(own);
};
/** A mark for items that a client puts into a conversation itself. */
export const newMark = (name: string): string => name + randomHex(4);
/** The mark that an item's id bears. */
export const markIn = (itemId: string): string | undefined => itemPattern.exec(itemId)?.[2];

/** Stands before a mark where the provider's id has no word of its own there. */
const bare = "x";

/** A provider's id of an item as clients get it: marked, so that a reference to it finds the item. Two providers may give the same id. */
export function markedId(mark: string, native: string): string {
  const [, prefix, rest] = /^([a-z]{2,8})_(.+)$/.exec(native) ?? [];
  return prefix === undefined ? `${bare}_${mark}_${native}` : `${prefix}_${mark}_${rest}`;
}

/** The id that the provider gave: it knows what it has sealed by that one only. Others as they are. */
export function nativeId(id: string): string {
  const [, prefix, , , rest] = itemPattern.exec(id) ?? [];
  return prefix === undefined ? id : prefix === bare ? rest! : `${prefix}_${rest}`;
}

const marked = new RegExp(`"(?:id|approval_request_id)"\\s*:\\s*"[a-z]{1,8}_${thread}[0-9a-z]{8}_`);
/** Whether a request's text may hold marked ids. */
export const holdsMarks = (text: string): boolean => marked.test(text);

const prefixes: Readonly<Record<string, string>> = {
  message: "msg", reasoning: "rs", function_call: "fc", function_call_output: "fco", custom_tool_call: "ctc", custom_tool_call_output: "ctco",
  web_search_call: "ws", file_search_call: "fs", code_interpreter_call: "ci", image_generation_call: "ig", mcp_call: "mcp", compaction: "cmp",
};

/** An id for an item that came without one. `place`: where it stands. */
export const givenId = (mark: string, type: unknown, place: string): string => `${prefixes[typeof type === "string" ? type : "message"] ?? "item"}_${mark}_${place}`;
