// @ts-check
/** Parts of the page that are fetched again when what they show changed. */
import { apply } from "./dates.js";
import { ask } from "./fetch.js";
import { watch } from "./live.js";
import { morphInto } from "./morph.js";

const GAP = 350, SHARE = 4;

/**
 * Run `work` now, and once more later if it was asked for meanwhile; never twice at once, and for at most a fifth of
 * the time: a page of thousands of rows must not keep the server busy with itself.
 *
 * @param {() => Promise<void>} work @returns {() => void} */
export function gently(work) {
  let busy = false, again = false;
  return async function go() {
    if (busy) { again = true; return; }
    busy = true; again = false;
    const began = performance.now();
    try { await work(); } catch { /* the next hint or the slow poll tries again */ }
    setTimeout(() => { busy = false; if (again) go(); }, Math.max(GAP, (performance.now() - began) * SHARE));
  };
}

/** The element's own address, with the filters that the page's address has now. @param {HTMLElement} element */
function source(element) {
  const name = new URL(element.dataset.src, location.href).searchParams.get("part");
  const query = new URLSearchParams(location.search);
  query.set("part", name);
  return `${location.pathname}?${query}`;
}

/** @type {Set<() => void>} */
const all = new Set();
/** Have more than parts of the page follow its filters. @param {() => void} go */
export function alsoRefresh(go) { all.add(go); }
export function refreshAll() { for (const each of all) each(); }

export function start() {
  for (const element of document.querySelectorAll("[data-live][data-src]")) {
    const box = /** @type {HTMLElement} */ (element);
    const go = gently(async () => {
      const url = source(box);
      const html = await (await ask(url)).text();
      if (url !== source(box)) return;
      const top = box.scrollTop;
      morphInto(box, html);
      apply(box);
      box.scrollTop = top;
    });
    all.add(go);
    watch(box.dataset.live, go);
    if (box.dataset.every) setInterval(() => { if (!document.hidden) go(); }, Number(box.dataset.every) * 1000);
  }
}
