/**
 * better-auth with its passkeys (WebAuthn). By itself, since what reads certificates is large: it is loaded when somebody uses a passkey, not with
 * every page. A passkey stands for a password, so its device has to have made sure who holds it (a finger, a face, a PIN).
 */
import { getAuthenticatorName, passkey } from "@better-auth/passkey";
import { betterAuth } from "better-auth";
import { APIError } from "better-auth/api";
import type { Settings } from "../env.ts";
import { authOptions } from "./auth.ts";

/** Throws unless the device has made sure that its owner holds it. */
function demandOwner(isOwner: boolean | undefined): void {
  if (!isOwner) throw new APIError("BAD_REQUEST", { code: "OWNER_NOT_VERIFIED", message: "The device has not made sure who holds it." });
}

/** For one request. Passkeys belong to the host of `origin` and work for nobody else. */
export const passkeyAuthOf = async (env: Cloudflare.Env, settings: Settings, origin: string) => betterAuth({
  ...(await authOptions(env, settings, origin)),
  plugins: [passkey({
    rpName: "Forge",
    rpID: new URL(origin).hostname,
    origin,
    authenticatorSelection: { residentKey: "required", userVerification: "required" },
    advanced: { webAuthnChallengeCookie: "passkey" },
    registration: {
      afterVerification: async ({ verification: { registrationInfo } }) => {
        demandOwner(registrationInfo?.userVerified);
        return { name: getAuthenticatorName(registrationInfo?.aaguid) ?? "Passkey" };
      },
    },
    authentication: { afterVerification: async ({ verification: { authenticationInfo } }) => demandOwner(authenticationInfo.userVerified) },
    schema: {
      passkey: {
        modelName: "people_passkeys",
        fields: { publicKey: "public_key", userId: "person_id", credentialID: "credential_id", deviceType: "device_type", backedUp: "backed_up", createdAt: "created_at" },
      },
    },
  })],
});
