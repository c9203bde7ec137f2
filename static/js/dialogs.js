// @ts-check
/** Links and forms that act: shown and sent without leaving the page. Without this script they are plain pages. */
import { apply } from "./dates.js";
import { ask, Refused } from "./fetch.js";
import { morphInto } from "./morph.js";
import { refreshAll } from "./refresh.js";
import { toast, toastAfter } from "./toast.js";
import { start as startTrigger } from "./trigger.js";
import { gettext } from "./texts.js";

const box = () => /** @type {HTMLDialogElement} */ (document.getElementById("dialog"));

/** @param {string} html */
function fill(html) {
  box().innerHTML = html;
  apply(box());
  prepare(box());
}

/** @param {ParentNode} root */
function prepare(root) {
  for (const form of root.querySelectorAll('form[data-module="trigger"]')) startTrigger(/** @type {HTMLFormElement} */ (form));
}

/** @param {string} url */
export async function openDialog(url) {
  try {
    fill(await (await ask(url)).text());
    if (!box().open) box().showModal();
    /** @type {HTMLElement | null} */ (box().querySelector(".body :is(input:not([type=hidden], [type=radio]), select, textarea)") ?? box().querySelector("button.main"))?.focus();
  } catch (error) { complain(error); }
}

/** @param {unknown} error */
function complain(error) { toast(error instanceof Error ? error.message : gettext("That did not work."), true); }

/** @param {HTMLFormElement} form */
async function send(form) {
  const button = /** @type {HTMLButtonElement | null} */ (form.querySelector("button.main, button[role=switch], [data-undo] > button"));
  if (button) button.disabled = true;
  try {
    const response = await ask(form.getAttribute("action"), { method: "POST", body: new FormData(form) });
    if (response.headers.get("Content-Type")?.includes("html")) { fill(await response.text()); return; }
    const answer = await response.json();
    if (box().open) box().close();
    if (!answer.go || new URL(answer.go, location.href).pathname === location.pathname || form.hasAttribute("data-act")) { if (form.hasAttribute("data-undo")) form.closest(".toast")?.remove(); toast(answer.toast, false, answer.undo); refreshAll(); document.dispatchEvent(new Event("acted")); }
    else { toastAfter(answer.toast, answer.undo); location.assign(answer.go); }
  } catch (error) {
    if (error instanceof Refused && error.html && box().contains(form)) { fill(error.html); box().querySelector(".note.bad")?.scrollIntoView({ block: "nearest" }); }
    else { complain(error); refreshAll(); }
  }
  if (button) button.disabled = false;
}

/** Try what stands in a form without sending it off: the answer is shown within it. @param {HTMLFormElement} form @param {HTMLButtonElement} button */
async function attempt(form, button) {
  const place = document.getElementById(button.dataset.try);
  button.disabled = true; place.textContent = gettext("Trying …");
  try { place.innerHTML = await (await ask(button.formAction, { method: "POST", body: new FormData(form) })).text(); }
  catch (error) { if (error instanceof Refused && error.html) place.innerHTML = error.html; else { place.textContent = ""; complain(error); } }
  button.disabled = false;
  place.scrollIntoView({ block: "nearest" });
}

/** Let who writes in a field write on in the one that took its place. @param {HTMLInputElement} field @param {HTMLInputElement} gone */
function goOn(field, gone) {
  field.focus({ preventScroll: true });
  if (gone.selectionStart !== null && field.selectionStart !== null) field.setSelectionRange(gone.selectionStart, gone.selectionEnd);
}

export function start() {
  document.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    const link = /** @type {HTMLAnchorElement | null} */ (target.closest("a[data-dialog]"));
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) { event.preventDefault(); openDialog(link.href); }
    if (target.closest("[data-close]")) { if (box().open) box().close(); else history.back(); }
    if (target instanceof HTMLDialogElement) target.close();
    for (const menu of document.querySelectorAll("details.menu[open], details.drop[open]")) if (!menu.contains(target)) menu.removeAttribute("open");
  });
  document.addEventListener("submit", (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (event.submitter?.dataset.try) { event.preventDefault(); attempt(form, /** @type {HTMLButtonElement} */ (event.submitter)); return; }
    if (form.hasAttribute("data-dialog")) {
      event.preventDefault();
      openDialog(`${form.getAttribute("action")}?${new URLSearchParams(/** @type {any} */ (new FormData(form, event.submitter)))}`);
      return;
    }
    if (form.hasAttribute("data-act") || (form.hasAttribute("data-undo") && form.closest(".toast")) || (form.matches("form.dlg") && box().contains(form))) { event.preventDefault(); send(form); }
  });
  document.addEventListener("change", async (event) => {
    const form = /** @type {Element} */ (event.target).closest("form[data-preview]");
    if (!(form instanceof HTMLFormElement)) return;
    const query = new URLSearchParams(/** @type {any} */ (new FormData(form)));
    query.delete("csrfmiddlewaretoken"); query.delete("note"); query.set("part", "affected");
    try { morphInto(form.querySelector("#affected"), new DOMParser().parseFromString(await (await ask(`${form.getAttribute("action")}?${query}`)).text(), "text/html").querySelector("#affected").innerHTML); } catch (error) { complain(error); }
  });
  document.addEventListener("change", async (event) => {
    const field = /** @type {HTMLInputElement} */ (event.target), id = field.dataset?.refill;
    if (!id) return;
    try {
      const html = await (await ask(`${field.form.getAttribute("action")}?type=${encodeURIComponent(field.value)}`)).text();
      const part = document.getElementById(id), kept = new FormData(field.form); // with what was typed meanwhile
      const writing = /** @type {HTMLInputElement | null} */ (part.contains(document.activeElement) ? document.activeElement : null);
      part.innerHTML = new DOMParser().parseFromString(html, "text/html").getElementById(id).innerHTML;
      for (const each of part.querySelectorAll("input:not([type=checkbox]), textarea")) {
        const one = /** @type {HTMLInputElement} */ (each);
        if (kept.get(one.name)) one.value = String(kept.get(one.name));
        if (writing && writing.name === one.name) goOn(one, writing);
      }
    } catch (error) { complain(error); }
  });
  box().addEventListener("close", () => box().replaceChildren());
  prepare(document);
}
