// @ts-check
/** The trigger dialog: the form and its JSON are two views of one configuration. */

/** @param {HTMLFormElement} form */
export function start(form) {
  const conf = /** @type {HTMLTextAreaElement} */ (form.elements.namedItem("conf"));
  form.addEventListener("change", (event) => {
    const input = /** @type {HTMLInputElement} */ (event.target);
    if (input.name === "mode") {
      if (input.value === "json") conf.value = JSON.stringify(read(form), null, 2); else fill(form, conf.value);
      for (const part of form.querySelectorAll("[data-mode]")) /** @type {HTMLElement} */ (part).hidden = part.getAttribute("data-mode") !== input.value;
    }
    if (input.name === "when") /** @type {HTMLElement} */ (form.querySelector("[data-when]")).hidden = input.value !== "date";
  });
}

/** @param {HTMLFormElement} form */
function inputs(form) { return /** @type {HTMLInputElement[]} */ ([...form.querySelectorAll("[data-kind]")]); }

/** @param {HTMLFormElement} form */
export function read(form) {
  /** @type {Record<string, unknown>} */
  const values = {};
  for (const input of inputs(form)) {
    const name = input.name.slice("param.".length), text = input.value;
    if (input.dataset.kind === "yesno") values[name] = input.checked;
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
    else if (input.dataset.kind === "lines") input.value = Array.isArray(value) ? value.join("\n") : String(value);
    else if (input.dataset.kind === "json") input.value = input.matches("select") ? JSON.stringify(value) : JSON.stringify(value, null, 2);
    else if (input.dataset.kind === "datetime-local") input.value = String(value).slice(0, 19);
    else input.value = value === null ? "" : String(value);
  }
}
