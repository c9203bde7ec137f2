// @ts-check
/** What a dialog does, as code: kept in step with its form while the fold is open; copied by a button. */
import { ask } from "./fetch.js";
import { toast } from "./toast.js";
import { gettext } from "./texts.js";

/** @param {HTMLElement} fold @param {HTMLElement | null} [button]  which the form would be sent by */
async function follow(fold, button = null) {
  const form = fold.closest("form");
  if (!form || !fold.dataset.code) return;
  const data = new FormData(form, button);
  data.set("dialog", new URL(form.getAttribute("action") ?? "", location.href).pathname);
  const html = await (await ask(fold.dataset.code, { method: "POST", body: data })).text();
  const box = fold.querySelector(".code-lines");
  if (box) box.innerHTML = html;
}

/** @param {string} text */
async function copy(text) {
  try { await navigator.clipboard.writeText(text); return; } catch { /* not over plain http */ }
  const area = document.createElement("textarea");
  area.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select(); document.execCommand("copy"); area.remove();
}

export function start() {
  let timer = 0;
  const soon = (/** @type {Event} */ event) => {
    const fold = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("form")?.querySelector(".as-code[open]") ?? null);
    if (!fold) return;
    clearTimeout(timer);
    const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("button[name]"));
    timer = setTimeout(() => { follow(fold, button).catch(() => {}); }, 250);
  };
  document.addEventListener("input", soon);
  // A button that does something else than the form's own shows its lines once one comes to it.
  for (const kind of ["focusin", "pointerover"]) document.addEventListener(kind, (event) => { if (/** @type {Element} */ (event.target).closest?.("form footer button")) soon(event); });
  document.addEventListener("toggle", (event) => { if (/** @type {Element} */ (event.target).matches?.(".as-code[open]")) soon(event); }, true);
  document.addEventListener("click", async (event) => {
    const button = /** @type {Element} */ (event.target).closest("[data-copy]");
    if (!button) return;
    const box = button.closest(".line, .copied"), pre = box?.querySelector("pre");
    await copy(pre ? pre.textContent : [...(box?.querySelectorAll(".code td:not(.n)") ?? [])].map((each) => each.textContent).join("\n"));
    toast(gettext("Copied."));
  });
}
