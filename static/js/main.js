// @ts-check
/** Starts what a page asks for. Everything here makes pages quicker to use; none of it is needed to use them. */
import * as asCode from "./ascode.js";
import * as dates from "./dates.js";
import * as dialogs from "./dialogs.js";
import * as finder from "./finder.js";
import * as folds from "./folds.js";
import * as refresh from "./refresh.js";
import { recall, remember } from "./store.js";
import * as ticks from "./ticks.js";
import * as toasts from "./toast.js";
import * as zones from "./zones.js";
import { gettext } from "./texts.js";

const modules = { apidocs: () => import("./apidocs.js"), grid: () => import("./grid.js"), graph: () => import("./graph.js"), gantt: () => import("./gantt.js"), calendar: () => import("./calendar.js"), code: () => import("./code.js"), editor: () => import("./editor.js"), log: () => import("./log.js"), replay: () => import("./replay.js") };

dates.start(); toasts.start(); finder.start(); folds.start(); asCode.start(); ticks.start(); zones.start();
if (document.getElementById("dialog")) { dialogs.start(); refresh.start(); }
for (const element of document.querySelectorAll("[data-module]")) {
  const load = modules[/** @type {HTMLElement} */ (element).dataset.module];
  if (load) load().then((module) => module.start(element));
}

/** @param {string} id */
function openBox(id) {
  const dialog = /** @type {HTMLDialogElement | null} */ (document.getElementById(id));
  if (!dialog || document.querySelector("dialog[open]")) return;
  if (id === "finder" || id === "zones") dialog.dispatchEvent(new Event("open-it")); else dialog.showModal();
}
document.addEventListener("click", (event) => {
  const button = /** @type {Element} */ (event.target).closest("[data-open]");
  if (button) openBox(button.getAttribute("data-open"));
});
document.addEventListener("keydown", (event) => {
  const target = /** @type {Element} */ (event.target);
  // For a moment after a dialog has closed, its field still has the focus: nobody types into that.
  const typing = target.matches("input, textarea, select, [contenteditable]") && !target.closest("dialog:not([open])");
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") { event.preventDefault(); openBox("finder"); return; }
  if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key === "/") { event.preventDefault(); const own = /** @type {HTMLElement | null} */ (document.querySelector(".log [data-search]")); if (own) own.focus(); else openBox("finder"); }
  if (event.key === "?") openBox("keys");
  for (const link of document.querySelectorAll(`a[data-key="${CSS.escape(event.key)}"]`)) {
    if (!link.hasAttribute("aria-current")) { /** @type {HTMLAnchorElement} */ (link).click(); break; }
  }
});

const order = ["system", "light", "dark"];
const themeButton = document.querySelector("[data-theme-switch]");
function showTheme() {
  const chosen = recall("theme", "system");
  if (chosen === "system") delete document.documentElement.dataset.theme; else document.documentElement.dataset.theme = chosen;
  if (themeButton) { themeButton.firstElementChild.className = `ic ic-${{ system: "auto", light: "sun", dark: "moon" }[chosen] ?? "auto"}`; themeButton.setAttribute("aria-label", { system: () => gettext("Theme: system"), light: () => gettext("Theme: light"), dark: () => gettext("Theme: dark") }[chosen]?.() ?? gettext("Theme: system")); }
}
themeButton?.addEventListener("click", () => { remember("theme", order[(order.indexOf(recall("theme", "system")) + 1) % 3]); showTheme(); });
showTheme();

// Filters: what is chosen goes into the address; parts of the page that know their filters are fetched, others reload.
/** @param {HTMLFormElement} form */
function applyFilters(form) {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value) query.append(name, String(value));
  const url = `${location.pathname}${query.size ? `?${query}` : ""}`;
  if (form.getAttribute("role") === "search") { history.replaceState(null, "", url); refresh.refreshAll(); } else location.assign(url);
}
let typed = 0;
for (const form of document.querySelectorAll("form[data-auto]")) {
  const own = /** @type {HTMLFormElement} */ (form);
  own.addEventListener("submit", (event) => { event.preventDefault(); applyFilters(own); });
  own.addEventListener("input", (event) => {
    clearTimeout(typed);
    typed = setTimeout(() => applyFilters(own), /** @type {Element} */ (event.target).matches("[type=search]") ? 180 : 0);
  });
}
