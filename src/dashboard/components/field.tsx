/** Fields of a form, each with its label, its hint and what is wrong with it. */
import type { Child } from "hono/jsx";
import type { Filled } from "../form.ts";

/** What a form is filled with: hand it to each of its fields. */
export type Typed = { values?: Filled; errors?: Filled };

type FieldProps = {
  name: string;
  label: string;
  hint?: Child;
  from?: Typed;
  required?: boolean;
  autocomplete?: string;
  maxlength?: number;
  placeholder?: string;
  /** Where nothing is required, nobody is told so of each. */
  unsaid?: boolean;
};

const idsOf = ({ name, hint, from }: FieldProps) => {
  const error = from?.errors?.[name];
  const described = [hint && `${name}-hint`, error && `${name}-error`].filter(Boolean).join(" ");
  return { error, aria: { "aria-invalid": error ? ("true" as const) : undefined, "aria-describedby": described || undefined } };
};

function Around({ field, children }: { field: FieldProps; children?: Child }) {
  const { error } = idsOf(field);
  return (
    <div class={`field${error ? " wrong" : ""}`}>
      <label for={field.name}>{field.label}{field.required === false && !field.unsaid && <span class="optional"> optional</span>}</label>
      {children}
      {field.hint && <p class="hint" id={`${field.name}-hint`}>{field.hint}</p>}
      {error && <p class="error" id={`${field.name}-error`}>{error}</p>}
    </div>
  );
}

/** One line of text. A password is never filled in again. */
export function TextField(field: FieldProps & { type?: "text" | "email" | "password" | "number" | "date" | "datetime-local"; minlength?: number; autofocus?: boolean; value?: string; inputmode?: "numeric" | "decimal"; min?: string; list?: string }) {
  const { name, from, type = "text", required = true } = field;
  const value = type === "password" ? undefined : (from?.values?.[name] ?? field.value);
  return (
    <Around field={field}>
      <input id={name} name={name} type={type} value={value} required={required} autocomplete={field.autocomplete ?? "off"} maxlength={field.maxlength} minlength={field.minlength}
        placeholder={field.placeholder} inputmode={field.inputmode} min={field.min} list={field.list} autofocus={field.autofocus} autocapitalize={type === "email" ? "none" : undefined} spellcheck={type === "text" ? undefined : false} {...idsOf(field).aria} />
    </Around>
  );
}

/** Several lines of text. */
export function TextArea(field: FieldProps & { rows?: number; value?: string; mono?: boolean }) {
  const { name, from, required = true } = field;
  return <Around field={field}><textarea id={name} name={name} rows={field.rows ?? 4} required={required} maxlength={field.maxlength} placeholder={field.placeholder} class={field.mono ? "mono" : undefined} spellcheck={field.mono ? false : undefined} {...idsOf(field).aria}>{from?.values?.[name] ?? field.value ?? ""}</textarea></Around>;
}

/** One of a few. */
export function Choice(field: FieldProps & { options: readonly (readonly [value: string, label: string])[]; value?: string; /** Choosing sends the form; without JavaScript a button does. */ submits?: boolean }) {
  const { name, from } = field;
  const chosen = from?.values?.[name] ?? field.value;
  return (
    <Around field={field}>
      <select id={name} name={name} data-submits={field.submits} {...idsOf(field).aria}>{field.options.map(([value, label]) => <option value={value} selected={value === chosen}>{label}</option>)}</select>
    </Around>
  );
}

/** Yes or no: `on` when it is ticked, absent when not. */
export function Check({ name, label, hint, from, checked = false }: { name: string; label: string; hint?: Child; from?: Typed; checked?: boolean }) {
  return (
    <div class="field">
      <label class="check"><input type="checkbox" name={name} value="on" checked={from?.values ? from.values[name] === "on" : checked} aria-describedby={hint ? `${name}-hint` : undefined} /><span>{label}</span></label>
      {hint && <p class="hint" id={`${name}-hint`}>{hint}</p>}
    </div>
  );
}

/** Fields beside each other where there is room. */
export const Fields = ({ legend, note, children }: { legend: string; note?: Child; children?: Child }) => (
  <fieldset class="fields"><legend>{legend}</legend>{note && <p class="hint">{note}</p>}<div class="fields-grid">{children}</div></fieldset>
);
