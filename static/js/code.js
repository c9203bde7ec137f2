// @ts-check
/** Source code: long lines wrapped or not, as one wanted it last. */
import { recall, remember } from "./store.js";

/** @param {HTMLElement} box */
export function start(box) {
  const wrap = /** @type {HTMLInputElement | null} */ (document.querySelector("[data-wrap]"));
  if (!wrap) return;
  const show = () => box.classList.toggle("wrapped", wrap.checked);
  wrap.checked = recall("code wrap", "") === "on";
  wrap.addEventListener("change", () => { remember("code wrap", wrap.checked ? "on" : ""); show(); });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "w" || event.ctrlKey || event.metaKey || event.altKey || /** @type {Element} */ (event.target).matches("input, textarea, select") || document.querySelector("dialog[open]")) return;
    wrap.click();
  });
  show();
}
