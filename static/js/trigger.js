// @ts-check
/** The trigger dialog: the form and its JSON are two views of one configuration. */
import { gettext } from "./texts.js";

/** @param {HTMLFormElement} form */
export function start(form) {
  for (const button of form.querySelectorAll("[data-reveal]")) reveals(/** @type {HTMLButtonElement} */ (button));
  const conf = /** @type {HTMLTextAreaElement} */ (form.elements.namedItem("conf"));
  form.addEventListener("change", (event) => {
    const input = /** @type {HTMLInputElement} */ (event.target);
    if (input.name === "mode") {
      if (input.value === "json") conf.value = JSON.stringify({ ...read(form), ...others(form, conf.value) }, null, 2); else fill(form, conf.value);
      for (const part of form.querySelectorAll("[data-mode]")) /** @type {HTMLElement} */ (part).hidden = part.getAttribute("data-mode") !== input.value;
    }
    if (input.name === "when") /** @type {HTMLElement} */ (form.querySelector("[data-when]")).hidden = input.value !== "date";
  });
}

/** Shows a password and hides it again; without this script there is no such button. @param {HTMLButtonElement} button */
function reveals(button) {
  button.hidden = false;
  button.addEventListener("click", (event) => {
    event.preventDefault();
    const input = /** @type {HTMLInputElement} */ (button.previousElementSibling), shown = input.type === "password";
    input.type = shown ? "text" : "password";
    button.textContent = shown ? gettext("Hide") : gettext("Show");
    button.setAttribute("aria-pressed", String(shown));
  });
}

/** @param {HTMLFormElement} form */
function inputs(form) { return /** @type {HTMLInputElement[]} */ ([...form.querySelectorAll("[data-kind]")]); }

/** @param {unknown} value */
function inUtc(value) {
  const text = String(value ?? ""), at = new Date(/(Z|[+-]\d\d:?\d\d)$/i.test(text) ? text : `${text}Z`);
  return Number.isNaN(at.valueOf()) ? "" : at.toISOString().slice(0, 19);
}

/** What stands in the JSON and has no field. @param {HTMLFormElement} form @param {string} text */
function others(form, text) {
  const names = new Set(inputs(form).map((input) => input.name.slice("param.".length)));
  let values;
  try { values = JSON.parse(text); } catch { return {}; }
  return values && typeof values === "object" ? Object.fromEntries(Object.entries(values).filter(([name]) => !names.has(name))) : {};
}

/** @param {HTMLElement} input */
function options(input) { return /** @type {HTMLSelectElement} */ (input).options; }

/** @param {HTMLFormElement} form */
export function read(form) {
  /** @type {Record<string, unknown>} */
  const values = {};
  for (const input of inputs(form)) {
    const name = input.name.slice("param.".length), text = input.value;
    if (input.dataset.kind === "yesno") values[name] = input.checked;
    else if (text === "" && "nullable" in input.dataset) values[name] = null;
    else if (input.dataset.kind === "many") values[name] = [...options(input)].filter((each) => each.selected).map((each) => JSON.parse(each.value));
    else if (input.dataset.kind === "mixed" && text !== "") { try { values[name] = JSON.parse(text); } catch { values[name] = text; } }
    else if (input.dataset.kind === "lines") values[name] = text.split("\n").map((line) => line.trim()).filter(Boolean);
    else if (text === "") { if (input.dataset.kind === "text") values[name] = ""; }
    else if (input.dataset.kind === "number") values[name] = Number(text);
    else if (input.dataset.kind === "datetime-local") values[name] = `${text}+00:00`;
    else if (input.dataset.kind === "json") { try { values[name] = JSON.parse(text); } catch { values[name] = text; } }
    else values[name] = text;
  }
  return values;
}

/** @param {HTMLFormElement} form @param {string} text */
function fill(form, text) {
  let values;
  try { values = JSON.parse(text); } catch { return; }
  if (!values || typeof values !== "object") return;
  for (const input of inputs(form)) {
    const value = values[input.name.slice("param.".length)];
    if (value === undefined) continue;
    if (input.dataset.kind === "yesno") input.checked = Boolean(value);
    else if (input.dataset.kind === "many") {
      const chosen = new Set((Array.isArray(value) ? value : []).map((each) => JSON.stringify(each)));
      for (const each of options(input)) each.selected = chosen.has(JSON.stringify(JSON.parse(each.value)));
    }
    else if (input.dataset.kind === "mixed") input.value = value === null ? "" : typeof value === "string" ? value : JSON.stringify(value);
    else if (input.dataset.kind === "lines") input.value = Array.isArray(value) ? value.join("\n") : String(value ?? "");
    else if (input.dataset.kind === "json") input.value = input.matches("select") ? JSON.stringify(value) : value === null ? "" : JSON.stringify(value, null, 2);
    else if (input.dataset.kind === "datetime-local") input.value = inUtc(value);
    else input.value = value === null ? "" : String(value);
  }
}
