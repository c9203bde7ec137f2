// @ts-check
/** Short messages; those of an action that can be taken back have a button for it, and stay for as long as it works. */
import { gettext } from "./texts.js";

const UNDO_MS = 30000, SECONDS = 1000;
const box = () => document.getElementById("toasts");

/** @param {string} text @param {boolean} [bad] @param {number | null} [undo] what may be undone @param {number} [left] */
export function toast(text, bad = false, undo = null, left = UNDO_MS) {
  const one = document.createElement("div");
  one.className = bad ? "toast bad" : "toast";
  one.append(Object.assign(document.createElement("span"), { textContent: text }));
  if (undo) { for (const other of box().querySelectorAll("form")) other.closest(".toast")?.remove(); one.append(undoForm(undo)); }
  box().append(one);
  raise();
  leave(one, undo ? left : bad ? 9 * SECONDS : 4.5 * SECONDS);
}

/** The same form as in undo/_button.html. @param {number} undo */
function undoForm(undo) {
  const form = document.createElement("form");
  form.method = "post"; form.action = box().dataset.undo; form.className = "inline"; form.dataset.undo = "";
  const token = /** @type {HTMLInputElement} */ (document.querySelector("[name=csrfmiddlewaretoken]")).value;
  for (const [name, value] of [["csrfmiddlewaretoken", token], ["undo", String(undo)], ["next", location.pathname + location.search]]) form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  form.append(Object.assign(document.createElement("button"), { className: "btn", textContent: gettext("Undo") }));
  return form;
}

/** Take it away after a while, but not under somebody's hand. @param {Element} one @param {number} milliseconds */
function leave(one, milliseconds) {
  setTimeout(() => { if (one.matches(":hover, :focus-within")) leave(one, 2 * SECONDS); else one.remove(); }, milliseconds);
}

/** Above everything, an open dialog included. */
function raise() {
  if (!box().showPopover) return;
  if (box().matches(":popover-open")) box().hidePopover();
  box().showPopover();
}

/** Say it on the page that comes next. @param {string} text @param {number | null} [undo] */
export function toastAfter(text, undo = null) { try { sessionStorage.setItem("toast", JSON.stringify({ text, undo, until: Date.now() + UNDO_MS })); } catch { /* unsaid */ } }

export function start() {
  if (box().children.length) raise();
  for (const one of box().children) leave(one, one.querySelector("form") ? UNDO_MS : 5 * SECONDS);
  try {
    const kept = sessionStorage.getItem("toast");
    sessionStorage.removeItem("toast");
    if (!kept) return;
    const { text, undo, until } = JSON.parse(kept);
    toast(text, false, undo, Math.max(5 * SECONDS, until - Date.now()));
  } catch { /* nothing kept */ }
}
