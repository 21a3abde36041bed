/** What is known of passkeys without the library that reads them (passkey-auth.ts). */
import * as z from "zod";

/** Whether passkeys can be had at this address: they belong to a name, and an IP address is none. */
export const passkeysAt = (origin: string): boolean => !/^(?:\d+\.){3}\d+$|^\[/.test(new URL(origin).hostname);

/** What a browser writes about what a device has signed. The library looks into it; this only keeps out what is nothing of the kind. */
export const credentialField = z.string().max(32_768).transform((text, context) => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    context.addIssue("That did not come from a device.");
    return z.NEVER;
  }
}).pipe(z.looseObject({ id: z.string().min(1).max(2_048), rawId: z.string(), type: z.literal("public-key"), response: z.record(z.string(), z.unknown()) }));
