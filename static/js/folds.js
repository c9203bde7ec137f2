// @ts-check
/** Folds that a browser remembers. Where there is little room, one that was never touched is closed. */
import { recall, remember } from "./store.js";

export function start() {
  for (const fold of document.querySelectorAll("details[data-remember]")) {
    const box = /** @type {HTMLDetailsElement} */ (fold), name = `fold.${box.dataset.remember}`;
    const kept = recall(name, innerWidth < 1000 ? "closed" : "");
    if (kept) box.open = kept === "open";
    box.addEventListener("toggle", () => remember(name, box.open ? "open" : "closed"));
  }
}
