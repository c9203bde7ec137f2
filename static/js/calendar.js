// @ts-check
/** The calendar: what a day or hour held, beside the pointer; another time zone is another calendar. */
import { recall, remember } from "./store.js";
import { hideTip, tipFor, words } from "./tip.js";
import { gettext } from "./texts.js";

const CHOICES = ["by", "show"];

/** @param {HTMLElement} box */
export function start(box) {
  const query = new URLSearchParams(location.search), kept = new URLSearchParams(recall("calendar", ""));
  if (!location.search && kept.size) { location.replace(`${location.pathname}?${kept}${location.hash}`); return; }
  const chosen = new URLSearchParams(CHOICES.filter((name) => query.has(name)).map((name) => [name, query.get(name)]));
  box.addEventListener("click", (event) => {
    const link = /** @type {HTMLAnchorElement | null} */ (/** @type {Element} */ (event.target).closest(".segs a"));
    if (!link) return;
    const wanted = new URL(link.href).searchParams;
    remember("calendar", String(new URLSearchParams(CHOICES.filter((name) => wanted.has(name)).map((name) => [name, wanted.get(name)]))));
  });
  if (location.search) remember("calendar", String(chosen));
  const tell = (/** @type {Event} */ event) => {
    const cell = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-cell]"));
    if (!cell) { hideTip(); return; }
    const lines = cell.dataset.cell.split(",").filter(Boolean).map((part) => { const [name, count] = part.split(" "); return [`${count} ${name === "planned" ? gettext("planned") : words(name)}`, name === "planned" ? "" : name]; });
    tipFor(cell, cell.getAttribute("aria-label").split(": ")[0], lines.length ? lines : [[gettext("no runs")]]);
  };
  box.addEventListener("pointerover", tell);
  box.addEventListener("focusin", tell);
  box.addEventListener("pointerleave", hideTip);
  box.addEventListener("focusout", hideTip);
  document.addEventListener("zone", () => location.reload());
}
