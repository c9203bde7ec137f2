// @ts-check
/** A run's tasks over time: a bar for each try, waiting and running; what runs grows. */
import { absolute, duration } from "./dates.js";
import { ask } from "./fetch.js";
import { watch } from "./live.js";
import { gently } from "./refresh.js";
import { recall, remember } from "./store.js";
import { hideTip, tipFor, words } from "./tip.js";
import { gettext, ngettext } from "./texts.js";

const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 108e5, 216e5, 432e5, 864e5, 1728e5, 6048e5];
const TICK_ROOM = 110, ZOOMS = [1, 256], WAITING = new Set(["scheduled", "deferred", "awaiting_input", "up_for_reschedule"]);

/** @param {string} tag @param {string} name @param {...(Node | string)} inside */
function make(tag, name, ...inside) { const element = document.createElement(tag); element.className = name; element.append(...inside); return element; }

/** @param {HTMLElement} section */
export function start(section) {
  let data = JSON.parse(document.getElementById(section.dataset.source).textContent), read = Date.now(), zoom = 1, until = 1;
  const scroll = /** @type {HTMLElement} */ (section.querySelector("[data-scroll]")), body = /** @type {HTMLElement} */ (section.querySelector("[data-rows]")), axis = /** @type {HTMLElement} */ (section.querySelector("[data-axis]"));
  const search = /** @type {HTMLInputElement} */ (section.querySelector("[data-filter]")), order = /** @type {HTMLSelectElement} */ (section.querySelector("[data-order]")), key = `gantt folds ${section.dataset.base}`;
  /** @type {Set<string>} */
  const folds = new Set(JSON.parse(recall(key, "[]")));
  order.value = recall("gantt order", "grid");
  /** Bars that go on. @type {{ bar: HTMLElement, from: number }[]} */
  let growing = [];
  let rows = new Map(), path = new Set();

  /** Milliseconds of the run that have gone by, by the server's clock. */
  const now = () => Date.parse(data.now) - Date.parse(data.start) + (Date.now() - read);
  const goesOn = () => data.end === null;
  const share = (/** @type {number} */ ms) => `${(100 * ms / until).toFixed(4)}%`;
  function span() { const end = Math.max(1, data.end ?? now()); if (!goesOn()) until = end; else if (end > until || until > end * 1.6) until = end * 1.15; }

  function shown() {
    const text = search.value.trim().toLowerCase(), byId = new Map(data.rows.map((/** @type {any} */ row) => [row.id, row]));
    const first = (/** @type {any} */ row) => row.spans?.[0]?.[2] ?? Infinity, lasts = (/** @type {any} */ row) => (row.spans ?? []).reduce((/** @type {number} */ sum, /** @type {any} */ each) => sum + (each[3] ?? now()) - each[2], 0);
    if (text || order.value !== "grid") {
      const tasks = data.rows.filter((/** @type {any} */ row) => row.kind !== "group" && (!text || row.id.toLowerCase().includes(text))).map((/** @type {any} */ row) => ({ ...row, depth: 0, label: row.id }));
      if (order.value === "start") tasks.sort((/** @type {any} */ a, /** @type {any} */ b) => first(a) - first(b));
      if (order.value === "duration") tasks.sort((/** @type {any} */ a, /** @type {any} */ b) => lasts(b) - lasts(a));
      return tasks;
    }
    return data.rows.filter((/** @type {any} */ row) => { for (let group = row.group; group; group = byId.get(group)?.group) if (folds.has(group)) return false; return true; });
  }

  /** A group from its first start to its last end. */
  function around() {
    const parents = new Map(data.rows.map((/** @type {any} */ row) => [row.id, row.group])), found = new Map();
    for (const row of data.rows) for (let group = row.group; group && row.spans?.length; group = parents.get(group)) {
      const known = found.get(group) ?? [Infinity, 0, false], ends = row.spans.map((/** @type {any} */ each) => each[3]);
      found.set(group, [Math.min(known[0], row.spans[0][2]), Math.max(known[1], ...ends.map((/** @type {any} */ each) => each ?? 0)), known[2] || ends.includes(null)]);
    }
    return found;
  }

  function draw() {
    span();
    growing = []; path = new Set(data.path);
    const groups = around(), fresh = new Map(), list = shown();
    body.replaceChildren(...list.map((/** @type {any} */ row) => {
      const line = rows.get(row.id) ?? make("div", "gt-row");
      fresh.set(row.id, line);
      const name = make("div", `gt-name${path.has(row.id) ? " critical" : ""}`), track = make("div", "gt-track");
      name.style.setProperty("--depth", row.depth);
      if (row.kind === "group") {
        const button = make("button", "fold", row.label);
        button.setAttribute("type", "button"); button.setAttribute("aria-expanded", String(!folds.has(row.id))); button.dataset.group = row.id;
        name.append(button);
        const at = groups.get(row.id);
        if (at) track.append(bar(row, [0, "group", at[0], at[2] ? null : at[1]]));
      } else {
        const dot = make("i", `st st-${row.state}`), link = /** @type {HTMLAnchorElement} */ (make("a", "", row.label));
        link.href = `${section.dataset.base}/tasks/${encodeURIComponent(row.id)}${row.count > 1 ? "/mapped" : ""}`;
        dot.title = words(row.state);
        name.append(dot, link, ...(row.count > 1 ? [make("small", "", `× ${row.count}`)] : []));
        track.append(...(row.spans ?? []).map((/** @type {any} */ each) => bar(row, each)));
      }
      line.replaceChildren(name, track);
      return line;
    }));
    rows = fresh;
    section.dataset.drawn = String(list.length);
    section.querySelector("[data-none]").toggleAttribute("hidden", list.length > 0);
    const told = section.querySelector("[data-path]"), sum = data.path.length;
    told.textContent = sum ? ngettext("Critical path: {count} task", "Critical path: {count} tasks", sum) : "";
    grow(); ticks();
  }

  /** @param {any} row @param {any[]} span */
  function bar(row, [number, what, from, to]) {
    const made = /** @type {any} */ (make(row.kind === "group" ? "span" : "a", `gt-bar ${what === "group" ? "group" : `st-${what}`}${WAITING.has(what) ? " waits" : ""}`));
    made.style.left = share(from);
    if (row.kind !== "group") { made.href = `${section.dataset.base}/tasks/${encodeURIComponent(row.id)}${row.count > 1 ? "/mapped" : `?try_number=${Math.max(1, number)}`}`; made.tabIndex = -1; }
    if (to === null) growing.push({ bar: made, from }); else made.style.width = share(to - from);
    made.tell = () => {
      const end = to ?? now(), at = (/** @type {number} */ ms) => absolute(new Date(Date.parse(data.start) + ms));
      const lines = [[what === "group" ? gettext("group") : WAITING.has(what) ? gettext("waited: {state}", { state: words(what) }) : words(what), what === "group" ? "" : what], [gettext("{from} to {to}", { from: at(from), to: to === null ? gettext("now") : at(to) })], [`${duration((end - from) / 1000)}${number > 1 ? `, ${gettext("try {number}", { number })}` : ""}`]];
      if (row.count > 1) lines.push([gettext("{count} mapped instances, first start to last end", { count: row.count })]);
      if (path.has(row.id)) lines.push([gettext("on the critical path")]);
      return lines;
    };
    made.dataset.id = row.id;
    if (made.href) made.setAttribute("aria-label", `${row.id}: ${words(what)}${to === null ? "" : `, ${duration((to - from) / 1000)}`}`);
    return made;
  }

  function grow() {
    const at = now();
    if (goesOn() && at > until) { draw(); return; }
    for (const { bar, from } of growing) bar.style.width = share(Math.max(0, at - from));
    section.style.setProperty("--now", goesOn() ? share(at) : "200%");
  }

  function ticks() {
    const wide = scroll.clientWidth * zoom, step = STEPS.find((each) => each / until * wide >= TICK_ROOM) ?? STEPS[STEPS.length - 1], found = [];
    for (let at = 0; at <= until && found.length < 3000; at += step) {
      const mark = make("span", "gt-tick", at ? `+${duration(at / 1000)}` : absolute(new Date(Date.parse(data.start))).slice(11));
      mark.style.left = share(at);
      found.push(mark);
    }
    axis.replaceChildren(...found);
    section.style.setProperty("--step", share(step));
  }

  /** @param {number} by @param {number} [x]  of the pointer, from the left of the tracks */
  function zoomBy(by, x = scroll.clientWidth / 2) {
    const before = zoom;
    zoom = Math.min(ZOOMS[1], Math.max(ZOOMS[0], zoom * by));
    section.style.setProperty("--wide", String(zoom));
    ticks();
    scroll.scrollLeft = (scroll.scrollLeft + x) * zoom / before - x;
  }

  scroll.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoomBy(Math.exp(-event.deltaY * 0.006), Math.max(0, event.clientX - axis.parentElement.getBoundingClientRect().left));
  }, { passive: false });
  section.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target), how = target.closest("[data-zoom]")?.getAttribute("data-zoom"), group = /** @type {HTMLElement | null} */ (target.closest("[data-group]"))?.dataset.group;
    if (how === "in") zoomBy(1.6); if (how === "out") zoomBy(1 / 1.6); if (how === "fit") zoomBy(1 / zoom);
    if (group) { if (folds.has(group)) folds.delete(group); else folds.add(group); remember(key, JSON.stringify([...folds])); draw(); /** @type {any} */ (body.querySelector(`[data-group="${CSS.escape(group)}"]`))?.focus(); }
  });
  search.addEventListener("input", draw);
  order.addEventListener("change", () => { remember("gantt order", order.value); draw(); });
  body.addEventListener("pointerover", (event) => { const over = /** @type {any} */ (event.target).closest(".gt-bar"); if (over) tipFor(over, over.dataset.id, over.tell()); else hideTip(); });
  body.addEventListener("pointerleave", hideTip);
  scroll.addEventListener("scroll", hideTip, { passive: true });
  document.addEventListener("zone", () => { ticks(); });
  new ResizeObserver(() => ticks()).observe(scroll);
  setInterval(() => { if (!document.hidden && goesOn()) grow(); }, 250);

  const refresh = gently(async () => { data = await (await ask(section.dataset.json)).json(); read = Date.now(); draw(); });
  watch(section.dataset.live, refresh);
  document.addEventListener("acted", refresh);
  draw();
}
