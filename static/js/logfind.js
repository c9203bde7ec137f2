// @ts-check
/** The find bar of a log: the server looks through all of it, in slices; what is typed next is what is looked for. */
import { Refused } from "./fetch.js";
import { gettext } from "./texts.js";

/**
 * @param {HTMLElement} section
 * @param {{ask(more: Record<string, any>): Promise<any>, near(): number, show(hit: any): Promise<void>, rows: HTMLElement}} log */
export function startFind(section, log) {
  const input = /** @type {HTMLInputElement} */ (section.querySelector("[data-search]")), hits = /** @type {HTMLElement} */ (section.querySelector(".hits"));
  const regex = /** @type {HTMLElement} */ (section.querySelector("[data-regex]")), steps = /** @type {NodeListOf<HTMLButtonElement>} */ (section.querySelectorAll("[data-step]"));
  let round = 0, k = -1, many = 0, done = true;

  /** @param {Record<string, any>} more */
  const asked = (more) => log.ask({ q: input.value, ...(regex.getAttribute("aria-pressed") === "true" ? { regex: 1 } : {}), ...more });

  /** @param {any} answer */
  function tell(answer) {
    many = answer.count; done = answer.done;
    const so_far = done ? "" : "+";
    hits.textContent = many ? `${k >= 0 ? gettext("{place} of {count}", { place: (k + 1).toLocaleString(), count: many.toLocaleString() }) : many.toLocaleString()}${so_far}` : done ? gettext("no match") : `${answer.size ? Math.floor((100 * answer.read) / answer.size) : 0} %`;
    hits.title = gettext("lines with a match");
    for (const button of steps) button.disabled = !many;
  }

  async function begin() {
    const mine = ++round;
    k = -1; many = 0;
    section.classList.remove("is-wrong");
    if (!input.value) { hits.textContent = ""; for (const button of steps) button.disabled = true; mark(); return; }
    hits.textContent = "…";
    const near = log.near();
    try {
      for (;;) {
        const answer = await asked({ near });
        if (mine !== round) return;
        const first = k < 0 && answer.line !== null;
        if (first) k = answer.k; else if (k >= 0 && answer.done && answer.k !== null && answer.k !== k) k = answer.k;
        tell(answer);
        if (first) { await log.show(answer); if (mine !== round) return; }
        if (answer.done) break;
      }
    } catch (error) {
      if (mine !== round) return;
      section.classList.add("is-wrong");
      hits.textContent = error instanceof Refused ? gettext("not a pattern") : gettext("not found out");
      hits.title = error instanceof Error ? error.message : "";
    }
    mark();
  }

  /** @param {number} by */
  async function step(by) {
    if (!many) return;
    const mine = round, wanted = (k + by + many) % many;
    const answer = await asked({ k: wanted });
    if (mine !== round || answer.line === null) return;
    k = answer.k; tell(answer);
    await log.show(answer);
  }

  // ---- marking what is in view, without touching the rows

  /** Text nodes with where each begins: colours cut a line into pieces. @param {Element} element */
  function nodesOf(element) {
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT), parts = [];
    for (let node = walker.nextNode(), at = 0; node; node = walker.nextNode()) { parts.push({ node, at }); at += node.nodeValue.length; }
    return parts;
  }

  function pattern() {
    if (!input.value) return null;
    try { return new RegExp(regex.getAttribute("aria-pressed") === "true" ? input.value : input.value.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "gi"); } catch { return null; }
  }

  function mark() {
    if (!("highlights" in CSS)) return;
    const found = [], wanted = pattern();
    for (const element of wanted ? log.rows.querySelectorAll(".ln > span, .fold > button") : []) {
      const parts = nodesOf(element);
      for (const match of element.textContent.matchAll(wanted)) {
        if (!match[0] || found.length > 2000) break;
        const from = match.index, to = from + match[0].length, begin = parts.findLast((part) => part.at <= from), end = parts.findLast((part) => part.at < to), range = new Range();
        range.setStart(begin.node, from - begin.at); range.setEnd(end.node, to - end.at);
        found.push(range);
      }
    }
    /** @type {any} */ (CSS).highlights.set("found", new Highlight(...found));
  }
  let waits = 0;
  new MutationObserver(() => { if (!waits && input.value) waits = requestAnimationFrame(() => { waits = 0; mark(); }); }).observe(log.rows, { childList: true, subtree: true });

  let typed = 0;
  input.addEventListener("input", () => { round++; clearTimeout(typed); typed = setTimeout(begin, 150); });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") { event.preventDefault(); step(event.shiftKey ? -1 : 1); }
    if (event.key === "Escape") { input.value = ""; begin(); input.blur(); }
  });
  regex.addEventListener("click", () => { regex.setAttribute("aria-pressed", String(regex.getAttribute("aria-pressed") !== "true")); begin(); });
  for (const button of steps) button.addEventListener("click", () => step(Number(button.dataset.step)));

  return {
    again: begin,
    /** Put the cursor here; false where it is here already: whoever asks twice wants the browser's own search. */
    take() { if (document.activeElement === input) return false; input.focus(); input.select(); return true; },
  };
}
