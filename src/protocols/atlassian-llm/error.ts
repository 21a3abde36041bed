/** Errors as Atlassian's SDK reads them: https://developer.atlassian.com/platform/forge/runtime-reference/forge-llms-api-errors/ */
import type { GatewayError } from "../../errors.ts";

/** Codes that its clients know by a name of their own; of all others it is ours, in capitals. */
const names: Readonly<Record<string, string>> = { model_not_allowed: "MODEL_FORBIDDEN" };

/** `{code, message}` as JSON text. */
export const renderError = ({ code, message }: GatewayError): string => JSON.stringify({ code: `FORGE_LLMS_${names[code] ?? code.toUpperCase()}`, message });
