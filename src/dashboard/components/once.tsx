/**
 * What a form carries that makes something: a name of its own, made with the page. What is made is named after it, so that a form that is sent
 * again, by a reload or a second click, makes nothing more.
 */
import { newFormId } from "../once.ts";
import type { Typed } from "./field.tsx";

/** Belongs into the form. `from`: what was typed, when the form is shown again: it is still the same one. */
export const Once = ({ from }: { from?: Typed | undefined }) => <input type="hidden" name="once" value={from?.values?.once ?? newFormId()} />;
