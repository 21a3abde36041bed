/**
 * Passkeys. A form with `data-passkey` asks the gateway what to ask the device, asks it, and is sent with what the device has signed. It is shown
 * where the browser can do that. Where it fills in passkeys by itself, the field for the e-mail address offers them too.
 */

export {};

/** What the browser does with options and answers as JSON, where it can. */
type Reader = typeof PublicKeyCredential & {
  parseRequestOptionsFromJSON?(options: unknown): PublicKeyCredentialRequestOptions;
  parseCreationOptionsFromJSON?(options: unknown): PublicKeyCredentialCreationOptions;
};

const reader = (globalThis as { PublicKeyCredential?: Reader }).PublicKeyCredential;
const canRead = reader?.parseRequestOptionsFromJSON !== undefined && reader.parseCreationOptionsFromJSON !== undefined;

/** What is being offered in the field for the e-mail address; ends when somebody asks by the button. */
let offered: AbortController | undefined;

class Told extends Error {}

async function optionsFor(form: HTMLFormElement): Promise<unknown> {
  const answer = await fetch(form.dataset["options"]!, { method: "POST", headers: { accept: "application/json" } });
  const said = (await answer.json().catch(() => ({}))) as { problem?: string };
  if (!answer.ok || answer.redirected) throw new Told(said.problem ?? "Load the page again: you may be signed out.");
  return said;
}

/** Asks the device. `quietly`: in the field for the e-mail address, as long as it takes. */
async function ask(form: HTMLFormElement, quietly?: AbortSignal): Promise<Credential | null> {
  const options = await optionsFor(form);
  if (form.dataset["passkey"] === "create") return navigator.credentials.create({ publicKey: reader!.parseCreationOptionsFromJSON!(options) });
  const publicKey = reader!.parseRequestOptionsFromJSON!(options);
  return navigator.credentials.get(quietly ? { publicKey, mediation: "conditional", signal: quietly } : { publicKey });
}

function send(form: HTMLFormElement, credential: Credential | null): void {
  if (!credential) return;
  form.querySelector<HTMLInputElement>("[name=credential]")!.value = JSON.stringify(credential);
  form.submit();
}

/** Why the device gave nothing. Somebody who closes its window knows that. */
const words = (error: unknown): string => {
  if (error instanceof Told) return error.message;
  const { name } = error as DOMException;
  if (name === "NotAllowedError" || name === "AbortError") return "Nothing was done: it was stopped, or took too long.";
  if (name === "InvalidStateError") return "This device has a passkey for your account already.";
  return "This device could not do it.";
};

async function pressed(form: HTMLFormElement): Promise<void> {
  const problem = form.querySelector<HTMLElement>("[data-passkey-problem]")!;
  problem.hidden = true;
  offered?.abort();
  try {
    send(form, await ask(form));
  } catch (error) {
    problem.textContent = words(error);
    problem.hidden = false;
  } finally {
    form.removeAttribute("aria-busy");
  }
}

async function offer(form: HTMLFormElement): Promise<void> {
  if (!(await reader!.isConditionalMediationAvailable?.())) return;
  offered = new AbortController();
  // Nobody has asked for it, so nobody is told that it came to nothing.
  await ask(form, offered.signal).then((credential) => send(form, credential), () => undefined);
}

if (canRead) {
  document.querySelectorAll<HTMLFormElement>("form[data-passkey]").forEach((form) => {
    form.closest<HTMLElement>("[data-passkey-place]")!.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      // islands/base.ts lets a form be sent once; this one is sent when the device has answered.
      delete form.dataset["sent"];
      void pressed(form);
    });
    if (form.dataset["passkey"] === "get") void offer(form);
  });
} else document.querySelectorAll<HTMLElement>("[data-passkey-unable]").forEach((element) => (element.hidden = false));
