// @ts-check
/** A text area for code: line numbers, errors beside their lines, indenting by Tab, saving by Ctrl S. */
import { colour } from "./editor_colours.js";

const INDENT = "    ";

/** @param {HTMLFormElement} form */
export function start(form) {
  const area = /** @type {HTMLTextAreaElement} */ (form.querySelector("textarea")), gutter = /** @type {HTMLElement} */ (form.querySelector("[data-lines]"));
  const wrong = new Set((area.dataset.errors ?? "").split(" ").filter(Boolean).map(Number));
  let count = 0, leaving = false, sent = false;
  const first = area.value;

  function number() {
    const now = area.value.split("\n").length;
    if (now !== count) {
      count = now;
      gutter.replaceChildren(...Array.from({ length: count }, (_, at) => { const line = document.createElement("span"); line.textContent = String(at + 1); line.classList.toggle("wrong", wrong.has(at + 1)); return line; }));
    }
    gutter.scrollTop = area.scrollTop;
  }
  /** @param {number} line */
  function goTo(line) {
    const at = area.value.split("\n").slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    area.focus(); area.setSelectionRange(at, at);
    area.scrollTop = Math.max(0, (line - 6) * Number.parseFloat(getComputedStyle(area).lineHeight));
    number();
  }
  /** Put a text in the place of the selection; the browser's own undo knows it. @param {string} text */
  const insert = (text) => { if (!document.execCommand("insertText", false, text)) area.setRangeText(text, area.selectionStart, area.selectionEnd, "end"); };

  area.addEventListener("input", () => { wrong.clear(); count = 0; number(); });
  area.addEventListener("scroll", number, { passive: true });
  area.addEventListener("keydown", (event) => {
    if (event.key === "s" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); form.requestSubmit(); return; }
    if (event.key === "Escape") { leaving = true; return; }
    if (event.key === "Tab" && !leaving && !event.ctrlKey && !event.altKey) {
      event.preventDefault();
      const from = area.value.lastIndexOf("\n", area.selectionStart - 1) + 1, to = area.selectionEnd, block = area.value.slice(from, to);
      if (area.selectionStart === to && !event.shiftKey) insert(INDENT);
      else {
        area.setSelectionRange(from, to);
        const moved = event.shiftKey ? block.replace(/^ {1,4}/gm, "") : block.replace(/^(?=.)/gm, INDENT);
        insert(moved);
        area.setSelectionRange(from, from + moved.length);
      }
    } else if (event.key === "Enter" && !event.isComposing) {
      const line = area.value.slice(area.value.lastIndexOf("\n", area.selectionStart - 1) + 1, area.selectionStart);
      event.preventDefault();
      insert(`\n${/^ */.exec(line)[0]}${/:\s*$/.test(line) ? INDENT : ""}`);
    }
    leaving = false;
  });
  document.addEventListener("click", (event) => { const link = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-line]")); if (link) { event.preventDefault(); goTo(Number(link.dataset.line)); } });
  form.addEventListener("submit", () => { sent = true; });
  addEventListener("beforeunload", (event) => { if (!sent && area.value !== first) event.preventDefault(); });
  colour(area, /** @type {HTMLElement} */ (form.querySelector("[data-colours]")), form.dataset.path ?? "");
  number();
  if (wrong.size) goTo(Math.min(...wrong));
}
