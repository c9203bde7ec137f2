// @ts-check
/** Check boxes of a list: how many are ticked, all of a page at once, a range with Shift. Acting on them needs no script. */
import { gettext } from "./texts.js";

const boxes = () => /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll('.ticks [name="chosen"]'));
/** @type {HTMLInputElement | null} */
let last = null;

function show() {
  const all = [...boxes()], ticked = all.filter((box) => box.checked).length;
  const head = /** @type {HTMLInputElement | null} */ (document.querySelector("[data-tick-all]"));
  if (head) { head.checked = all.length > 0 && ticked === all.length; head.indeterminate = ticked > 0 && ticked < all.length; }
  const count = document.querySelector(".bulk .count"), whole = /** @type {HTMLInputElement | null} */ (document.querySelector('.bulk [name="all"]'));
  if (count) count.textContent = whole?.checked ? gettext("All ticked") : ticked ? gettext("{count} ticked", { count: ticked }) : "";
}

export function start() {
  if (!document.querySelector(".ticks")) return;
  document.addEventListener("click", (event) => {
    const box = /** @type {HTMLInputElement} */ (event.target);
    if (!(box instanceof HTMLInputElement) || box.name !== "chosen") return;
    if (event.shiftKey && last && last.isConnected) {
      const all = [...boxes()], [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
      if (from >= 0) for (const each of all.slice(from, to + 1)) each.checked = box.checked;
    }
    last = box;
  });
  document.addEventListener("change", (event) => {
    const box = /** @type {HTMLInputElement} */ (event.target);
    if (box.matches?.("[data-tick-all]")) for (const each of boxes()) each.checked = box.checked;
    if (box.matches?.('[data-tick-all], .bulk [name="all"], [name="chosen"]')) show();
  });
  document.addEventListener("acted", () => { for (const each of boxes()) each.checked = false; const whole = /** @type {HTMLInputElement | null} */ (document.querySelector('.bulk [name="all"]')); if (whole) whole.checked = false; show(); });
  show();
}
