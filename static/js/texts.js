// @ts-check
/** Texts in the language of the page. English is what the code says; another language's file is read before the modules. */

/** @type {{form: (n: number) => number, texts: Record<string, string | string[]>}} */
const catalog = /** @type {any} */ (globalThis).orchestratorTexts ?? { form: (n) => Number(n !== 1), texts: {} };

/** @param {string} text @param {Record<string, unknown>} values */
function fill(text, values) { return text.replace(/\{(\w+)\}/g, (whole, name) => name in values ? String(values[name]) : whole); }

/** @param {string} text  with {names} for what is put in @param {Record<string, unknown>} [values] */
export function gettext(text, values = {}) { return fill(String(catalog.texts[text] ?? text), values); }

/** @param {string} one @param {string} more @param {number} count @param {Record<string, unknown>} [values] */
export function ngettext(one, more, count, values = {}) {
  const found = catalog.texts[one];
  return fill(Array.isArray(found) ? found[catalog.form(count)] : count === 1 ? one : more, { count, ...values });
}
