// @ts-check
/** The log viewer: pulls lines by offset whenever it hears that there are more, and follows until one scrolls up. */
import { pieces } from "./ansi.js";
import { absolute } from "./dates.js";
import { ask } from "./fetch.js";
import { rewatch, watch } from "./live.js";
import { gently } from "./refresh.js";
import { recall, remember } from "./store.js";

const LEVELS = { debug: "debug", info: "info", warning: "warning", warn: "warning", error: "error", critical: "error", fatal: "error" };
const MOST_LINES = 50000;

/** @param {HTMLElement} section */
export function start(section) {
  const lines = /** @type {HTMLElement} */ (section.querySelector(".log-lines")), jump = /** @type {HTMLElement} */ (section.querySelector(".jump"));
  const search = /** @type {HTMLInputElement} */ (section.querySelector("[data-search]")), hits = section.querySelector(".hits");
  let shownTry = -1, place = 0, offset = -1, first = 0, number = 0, follow = true, ended = false, token = null, empty = true;
  /** @type {HTMLElement} */
  let into = lines;
  const tail = document.createElement("span");
  tail.className = "tailing"; tail.hidden = true; tail.setAttribute("aria-hidden", "true");
  lines.append(tail);

  /** @param {any} record @param {number} n */
  function line(record, n) {
    const row = document.createElement("div"), link = document.createElement("a"), time = document.createElement("time"), level = document.createElement("b"), text = document.createElement("span");
    const name = LEVELS[String(record.level ?? "").toLowerCase()] ?? "info";
    row.className = `ln l-${name}`; row.id = String(n);
    link.href = `#${n}`; link.textContent = String(n);
    const at = stamp(record.timestamp);
    if (at) { time.textContent = `${absolute(at).slice(11)}.${String(at.getMilliseconds()).padStart(3, "0")}`; time.dateTime = at.toISOString(); time.title = absolute(at); }
    level.textContent = record.level ? (String(record.level).toLowerCase() === "warning" ? "warn" : String(record.level).slice(0, 5)) : "";
    const event = typeof record.event === "string" ? record.event : JSON.stringify(record.event ?? record);
    for (const piece of pieces(event + (record.error_detail ? `\n${JSON.stringify(record.error_detail, null, 1)}` : ""))) {
      if (piece.kinds) { const part = document.createElement("i"); part.className = piece.kinds; part.textContent = piece.text; text.append(part); } else text.append(piece.text);
    }
    row.append(link, time, level, text);
    return row;
  }

  /** @param {unknown} value */
  function stamp(value) {
    const date = typeof value === "number" ? new Date(value * 1000) : typeof value === "string" ? new Date(value) : null;
    return date && !Number.isNaN(date.getTime()) ? date : null;
  }

  /** @param {any[]} records */
  function append(records) {
    const batch = document.createDocumentFragment();
    let open = into === lines ? batch : into;
    for (const record of records) {
      const event = typeof record.event === "string" ? record.event : "";
      const group = event.match(/^(?:\[[^\]]*\] )?(?:::|##\[?)group(?:::|\])(.*)/);
      if (group && open === batch) {
        const fold = document.createElement("details"), title = document.createElement("summary"), inside = document.createElement("div");
        inside.className = "in"; title.textContent = group[1].trim() || "group";
        fold.append(title, inside); batch.append(fold); open = inside;
      } else if (/^(?:\[[^\]]*\] )?(?:::|##\[?)endgroup(?:::|\])/.test(event)) open = batch;
      else open.append(line(record, ++number));
    }
    into = open === batch ? lines : /** @type {HTMLElement} */ (open);
    tail.before(batch);
    if (number > MOST_LINES) shed();
  }

  /** A log that never ends must not eat the browser: what scrolled far away is fetched again when asked for. */
  function shed() {
    const old = [...lines.children].slice(0, lines.children.length - MOST_LINES / 2);
    for (const each of old) if (each !== into && !each.contains(into)) each.remove();
    note(`Earlier lines are no longer kept here; download the log for all of it.`);
  }

  /** @param {string} text */
  function note(text) {
    let box = lines.querySelector(".sys.early");
    if (!box) { box = document.createElement("div"); box.className = "sys early"; lines.prepend(box); }
    box.textContent = text;
    return box;
  }

  function early() {
    if (first <= 0) { lines.querySelector(".sys.early")?.remove(); return; }
    const box = note(`${size(first)} before this. `), button = document.createElement("button");
    button.className = "btn"; button.type = "button"; button.textContent = "Load earlier lines";
    button.addEventListener("click", async () => {
      button.disabled = true;
      const from = Math.max(0, first - 256 * 1024);
      const answer = await (await ask(`${section.dataset.lines}?try_number=${section.dataset.try}&place=${place}&offset=${from}&until=${first}`)).json();
      const height = lines.scrollHeight, rows = from > 0 ? answer.lines.slice(1) : answer.lines;
      const batch = document.createDocumentFragment();
      for (const record of rows) { const row = line(record, 0); row.firstElementChild.textContent = ""; row.removeAttribute("id"); batch.append(row); }
      box.after(batch);
      first = from;
      lines.scrollTop += lines.scrollHeight - height;
      early();
    });
    box.append(button);
  }

  /** @param {number} bytes */
  function size(bytes) { return bytes > 1048576 ? `${(bytes / 1048576).toFixed(1)} MB` : `${Math.ceil(bytes / 1024)} KB`; }

  /** Another try has begun: its log takes the place of the last one's. */
  function anew() { lines.replaceChildren(tail); place = 0; offset = -1; first = 0; number = 0; into = lines; empty = true; follow = true; }

  const pull = gently(async () => {
    for (;;) {
      const where = offset < 0 ? "" : `&place=${place}&offset=${offset}`;
      const answer = await (await ask(`${section.dataset.lines}?try_number=${section.dataset.try}${where}`)).json();
      if (shownTry >= 0 && answer.try !== shownTry) { anew(); shownTry = -1; continue; }
      shownTry = answer.try;
      if (offset < 0) { first = answer.start; if (first > 0) early(); }
      if (answer.lines.length) { if (empty) { empty = false; lines.querySelector(".none")?.remove(); } append(answer.lines); }
      place = answer.place; offset = answer.offset; ended = answer.ended;
      if (token !== answer.token) { token = answer.token; rewatch(); }
      if (!answer.more) break;
    }
    tail.hidden = ended;
    if (empty && !lines.querySelector(".none")) { const none = document.createElement("div"); none.className = "sys none"; lines.prepend(none); }
    const none = lines.querySelector(".none");
    if (none) none.textContent = ended ? "This try wrote no log." : token === null ? "No worker has started it yet. Its log scrolls here when one does." : "Nothing written yet.";
    if (follow) lines.scrollTop = lines.scrollHeight;
    if (search.value) look(false);
    anchor();
  });

  let anchored = false;
  function anchor() {
    if (anchored || !/^#\d+$/.test(location.hash)) return;
    const row = document.getElementById(location.hash.slice(1));
    if (!row) return;
    anchored = true; follow = false;
    row.closest("details")?.setAttribute("open", "");
    row.classList.add("is-at"); row.scrollIntoView({ block: "center" });
  }

  addEventListener("hashchange", () => { anchored = false; lines.querySelector(".is-at")?.classList.remove("is-at"); anchor(); });
  lines.addEventListener("scroll", () => {
    const bottom = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 24;
    follow = bottom;
    jump.hidden = bottom;
  }, { passive: true });
  jump.addEventListener("click", () => { follow = true; lines.scrollTop = lines.scrollHeight; });

  /** @type {Range[]} */
  let found = [];
  let at = -1;
  /** Text nodes with where each begins: colours cut a line into pieces. @param {Element} element */
  function nodesOf(element) {
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT), parts = [];
    for (let node = walker.nextNode(), at = 0; node; node = walker.nextNode()) { parts.push({ node, at }); at += node.nodeValue.length; }
    return parts;
  }

  /** @param {{node: Node, at: number}[]} parts @param {number} from @param {number} to */
  function rangeOf(parts, from, to) {
    const range = new Range(), start = parts.findLast((part) => part.at <= from), end = parts.findLast((part) => part.at < to);
    range.setStart(start.node, from - start.at); range.setEnd(end.node, to - end.at);
    return range;
  }

  /** Mark every place the text occurs, without touching the lines. @param {boolean} go */
  function look(go) {
    const text = search.value.toLowerCase(), canMark = "highlights" in CSS;
    found = [];
    if (text) {
      for (const element of lines.querySelectorAll(".ln > span, summary")) {
        const own = element.textContent.toLowerCase();
        let from = own.indexOf(text);
        if (from < 0) continue;
        if (found.length > 5000) break;
        const parts = nodesOf(element);
        for (; from >= 0; from = own.indexOf(text, from + text.length)) found.push(rangeOf(parts, from, from + text.length));
      }
    }
    if (go) at = found.length ? 0 : -1;
    if (canMark) /** @type {any} */ (CSS).highlights.set("found", new Highlight(...found));
    show(go);
  }
  /** @param {boolean} go */
  function show(go) {
    hits.textContent = search.value ? (found.length ? `${at + 1} of ${found.length}` : "no match") : "";
    if ("highlights" in CSS) /** @type {any} */ (CSS).highlights.set("at", at >= 0 && found[at] ? new Highlight(found[at]) : new Highlight());
    const node = found[at]?.startContainer.parentElement;
    if (go && node) { node.closest("details")?.setAttribute("open", ""); node.scrollIntoView({ block: "center" }); follow = false; }
  }
  let typed = 0;
  search.addEventListener("input", () => { clearTimeout(typed); typed = setTimeout(() => look(true), 120); });
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && found.length) { event.preventDefault(); at = (at + (event.shiftKey ? found.length - 1 : 1)) % found.length; show(true); }
    if (event.key === "Escape") { search.value = ""; look(true); search.blur(); }
  });

  /** @param {string} name @param {string} kind */
  function option(name, kind) {
    const box = /** @type {HTMLInputElement} */ (section.querySelector(`[data-${name}]`));
    box.checked = recall(`log ${name}`, "yes") === "yes";
    const show = () => section.classList.toggle(kind, !box.checked);
    box.addEventListener("change", () => { remember(`log ${name}`, box.checked ? "yes" : "no"); show(); });
    show();
  }
  option("times", "no-times"); option("wrap", "no-wrap");
  const level = /** @type {HTMLSelectElement} */ (section.querySelector("[data-level]"));
  level.addEventListener("change", () => { section.dataset.level = level.value; });
  section.querySelector("[data-full]").addEventListener("click", () => section.classList.toggle("is-full"));
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") section.classList.remove("is-full"); });
  document.addEventListener("zone", () => { for (const time of lines.querySelectorAll("time")) { const date = new Date(time.dateTime); if (!Number.isNaN(date.getTime())) { time.textContent = `${absolute(date).slice(11)}.${String(date.getMilliseconds()).padStart(3, "0")}`; time.title = absolute(date); } } });

  for (const subject of section.dataset.live.split(" ")) watch(subject, pull);
  pull();
}
