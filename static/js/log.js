// @ts-check
/**
 * The log viewer. The server counts the lines of the whole log and gives any of them; the page keeps those near the
 * view. A log that is too long to be counted at once is shown from its end and gets its numbers when they are known.
 */
import { ask } from "./fetch.js";
import { rewatch, watch } from "./live.js";
import { startFind } from "./logfind.js";
import { Folds } from "./logfolds.js";
import { head, retime, row } from "./logrows.js";
import { View } from "./logview.js";
import { gently } from "./refresh.js";
import { recall, remember } from "./store.js";
import { gettext, ngettext } from "./texts.js";

const CHUNK = 200, MOST_CHUNKS = 60;

/** @param {HTMLElement} section */
export function start(section) {
  const $ = (/** @type {string} */ name) => /** @type {HTMLElement} */ (section.querySelector(`[data-${name}]`));
  const box = /** @type {HTMLElement} */ (section.querySelector(".log-lines")), pill = /** @type {HTMLElement} */ (section.querySelector(".jump"));
  const static_rows = [...box.children];  // made by the server; they stay until there is more to show
  const end = document.createElement("div"), bar = /** @type {HTMLProgressElement} */ ($("progress"));
  const view = new View(box, { count, row: rowAt, load });
  end.className = "sys"; box.append(end);

  let folds = new Folds(), follow = true, fresh = true, seen = 0, last = 0, target = /^#\d+$/.test(location.hash) ? Number(location.hash.slice(1)) - 1 : -1;
  /** @type {any} */
  let log = null;
  /** The end of a log that is still being counted. @type {[null, any][] | null} */
  let tail = null;
  /** @type {Map<number, [number, any][]>} */
  let chunks = new Map();
  const level = /** @type {HTMLSelectElement} */ ($("level")), source = /** @type {HTMLSelectElement} */ ($("source"));
  const filtered = () => Boolean(level.value || source.value);

  /** @param {Record<string, any>} more @param {string} [which] */
  async function fetchLog(more, which = "lines") {
    const query = new URLSearchParams({ try_number: section.dataset.try, marks: String(folds.count), ...more });
    if (level.value) query.set("level", level.value);
    if (source.value) query.set("source", source.value);
    return (await ask(`${section.dataset[which]}?${query}`)).json();
  }

  // ---- what the list shows

  function count() { return tail ? tail.length : !log ? 0 : filtered() ? log.total : folds.shown(log.total); }
  /** @param {number} place */
  function lineOf(place) { return filtered() ? place : folds.lineOf(place); }

  /** @param {number} place */
  function rowAt(place) {
    if (tail) return row(null, tail[place][1]);
    const line = lineOf(place), found = chunks.get(Math.floor(line / CHUNK))?.[line % CHUNK];
    if (!found) return null;
    const [number, record] = found, group = filtered() ? undefined : folds.groups.get(number);
    const element = group ? head(number, record, { ...group, open: folds.isOpen(number), count: group.end === null ? null : group.end - number - 1 })
      : row(number, record, { depth: filtered() ? 0 : folds.depth(number), address: section.dataset.try ? `?try_number=${section.dataset.try}` : "", first: number === log.first_error });
    if (number === target) element.classList.add("is-at");
    return element;
  }

  /** Fetch what is not here of the lines at some places. @param {number} from @param {number} to */
  async function load(from, to) {
    if (tail || !log) return;
    const ids = new Set();
    for (let place = from; place < Math.min(to, count()); place++) ids.add(Math.floor(lineOf(place) / CHUNK));
    await Promise.all([...ids].map(loadChunk));
    while (chunks.size > MOST_CHUNKS + ids.size) chunks.delete(chunks.keys().next().value);
  }

  /** @param {number} id */
  async function loadChunk(id) {
    const kept = chunks.get(id) ?? [], mine = chunks;
    const most = Math.min(CHUNK, log.total - id * CHUNK);
    while (kept.length < most) {
      const answer = await fetchLog({ from: id * CHUNK + kept.length, n: most - kept.length });
      if (mine !== chunks || !answer.lines.length) return;
      kept.push(...answer.lines);
    }
    chunks.delete(id); chunks.set(id, kept);  // the last used is the last to go
  }

  // ---- what the server knows

  let epoch = 0, loading = false;
  async function catchUp() {
    const mine = epoch;
    for (;;) {
      const first = !log, answer = await fetchLog(first ? { end: 1, n: CHUNK } : { n: 0 });
      if (mine !== epoch) return;
      if (log && answer.try !== log.try) { anew(); continue; }
      take(answer);
      for (const row of static_rows.splice(0)) row.remove();
      if (answer.done) break;
      progress(answer);
      if (first && answer.lines.length) { tail = answer.lines; await view.show(count() - 1, "end"); }
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    bar.hidden = true;
    await shown();
  }

  async function reload() {
    epoch++; loading = true; anew();
    try { await catchUp(); } finally { loading = false; }
  }
  const pull = gently(async () => { if (!loading) await catchUp(); });

  /** @param {any} answer */
  function take(answer) {
    const old = log;
    log = answer;
    folds.add(answer.marks, Boolean(old?.done));
    section.style.setProperty("--digits", `${String(answer.whole || 1).length}ch`);
    if (old?.token !== answer.token) rewatch();
    const errors = $("errors");
    errors.hidden = !answer.errors;
    errors.lastElementChild.textContent = ngettext("{count} error", "{count} errors", answer.errors, { count: answer.errors.toLocaleString() });
    sources(answer.sources);
    $("fold").hidden = !folds.count;
    said();
  }

  /** @param {any} answer */
  function progress(answer) { bar.hidden = false; bar.value = answer.size ? answer.read / answer.size : 0; }

  async function shown() {
    if (fresh) tail = null;  // before anything is counted: else its few lines would be taken for all
    const many = count();
    if (fresh) {
      fresh = false;
      view.clear();
      if (target >= 0 && target < log.whole) { await goTo(target); seen = many; return; }
      if (many) await view.show(many - 1, "end");
      follow = true;
    } else if (many !== seen) {
      // The chunk that the log ended in has grown, and a group that was closed may show its end now.
      await view.grown(follow);
    }
    seen = follow ? many : seen;
    last = box.scrollTop;  // its event comes later: who scrolls up before it does scrolls up from here
    pilled();
  }

  function pilled() {
    if (follow) seen = count();
    const fresh = count() - seen;
    pill.hidden = follow || !count();
    pill.lastElementChild.textContent = fresh > 0 ? ngettext("{count} new line", "{count} new lines", fresh, { count: fresh.toLocaleString() }) : log?.ended ? gettext("To the end") : gettext("Follow");
  }

  function said() {
    const none = log.whole === 0 && log.done, { ended, token } = log;
    end.className = ended ? "sys" : "sys is-live";
    if (!ended) end.textContent = none ? (token === null ? gettext("No worker has started it yet. Its log scrolls here when one does.") : gettext("Nothing written yet.")) : "";
    else {
      const { outcome, reason } = log.end ?? {};
      // What the log does not say itself: a worker that was lost, a process that was killed before it wrote a word.
      const tell = outcome && (none || (reason && !log.errors) || ["lost", "interrupted"].includes(outcome));
      end.textContent = (none && token === null ? `${gettext("It did not run, so there is no log.")} ` : none ? `${gettext("This try wrote no log.")} ` : filtered() && !log.total && log.done ? `${gettext("No line passes these filters.")} ` : "") + (tell ? gettext("It ended as {state}", { state: outcome.replaceAll("_", " ") }) + (reason ? `: ${reason}` : ".") : "");
      end.classList.toggle("is-bad", ["failed", "lost", "up_for_retry"].includes(log.end?.outcome));
    }
    end.hidden = !end.textContent && ended;
  }

  /** @param {string[]} names */
  function sources(names) {
    const known = new Set([...source.options].map((option) => option.value));
    for (const name of names) if (!known.has(name)) source.append(new Option(name, name));
  }

  /** Another try, or other filters: what is shown is no longer true. */
  function anew() { log = null; tail = null; folds = new Folds(); chunks = new Map(); seen = 0; follow = fresh = true; view.clear(); }

  // ---- going places

  /** @param {number} line of the whole log, from 0 */
  async function goTo(line) {
    target = line; follow = false;
    if (filtered()) { level.value = source.value = ""; await reload(); return; }
    folds.reveal(line);
    const row = await view.show(folds.placeOf(line), "middle");
    for (const old of box.querySelectorAll(".is-at")) if (old !== row) old.classList.remove("is-at");
    row?.classList.add("is-at");
    pilled();
    return row;
  }

  /** Draw anew around what is in view. */
  async function redraw() {
    const { place, offset } = view.inView(), line = lineOf(place);
    return async (/** @type {number} */ keep = line) => { await view.show(filtered() ? place : folds.placeOf(keep), "top", offset); };
  }

  box.addEventListener("click", async (event) => {
    const element = /** @type {Element} */ (event.target), fold = element.closest("[data-fold]"), link = element.closest(".ln > a[href*='#']");
    if (fold) {
      const line = Number(fold.getAttribute("data-fold")), row = /** @type {HTMLElement} */ (fold.closest(".ln")), offset = row.offsetTop - box.scrollTop;
      folds.toggle(line);
      await view.show(folds.placeOf(line), "top", offset);
      /** @type {HTMLElement | null} */ (box.querySelector(`[data-fold="${line}"]`))?.focus({ preventScroll: true });
      said(); seen = count();
    } else if (link) {
      event.preventDefault();
      history.replaceState(null, "", `${location.pathname}?try_number=${log.try}${new URL(/** @type {HTMLAnchorElement} */ (link).href).hash}`);
      target = Number(link.textContent) - 1;
      for (const old of box.querySelectorAll(".is-at")) old.classList.remove("is-at");
      link.closest(".ln").classList.add("is-at");
    }
  });
  addEventListener("hashchange", () => { if (log && /^#\d+$/.test(location.hash)) goTo(Number(location.hash.slice(1)) - 1); });
  box.addEventListener("scroll", () => {
    const up = box.scrollTop < last;
    last = box.scrollTop;
    if (view.atEnd() && view.to >= count()) follow = true; else if (up && !view.atEnd()) follow = false;
    pilled();
  }, { passive: true });
  const toEnd = async () => { follow = true; if (count()) await view.show(count() - 1, "end"); last = box.scrollTop; pilled(); };
  pill.addEventListener("click", toEnd);
  $("bottom").addEventListener("click", toEnd);
  $("top").addEventListener("click", async () => { follow = false; if (count()) await view.show(0, "top"); pilled(); });
  $("errors").addEventListener("click", () => { if (log?.first_error !== null) goTo(log.first_error); });
  $("fold").addEventListener("click", async () => { const back = await redraw(); folds.toggleAll(); await back(); seen = count(); });
  $("full").addEventListener("click", () => section.classList.toggle("is-full"));
  for (const select of [level, source]) select.addEventListener("change", () => { target = -1; reload(); find.again(); });

  for (const [name, kind, fallback] of [["times", "no-times", "yes"], ["sources", "no-sources", "no"], ["wrap", "no-wrap", "yes"]]) {
    const button = $(name);
    const show = (/** @type {boolean} */ on) => { section.classList.toggle(kind, !on); button.setAttribute("aria-pressed", String(on)); };
    show(recall(`log ${name}`, fallback) === "yes");
    button.addEventListener("click", async () => {
      const back = await redraw(), on = section.classList.contains(kind);
      remember(`log ${name}`, on ? "yes" : "no"); show(on);
      if (follow) await toEnd(); else await back();
    });
  }

  const find = startFind(section, {
    ask: (/** @type {Record<string, any>} */ more) => fetchLog(more, "find"),
    near: () => (log && !tail && count() ? lineOf(view.inView().place) : 0),
    show: async (/** @type {{line: number, index: number | null}} */ hit) => {
      follow = false; target = hit.line;
      if (tail) return;
      if (!filtered()) folds.reveal(hit.line);
      await view.show(filtered() ? hit.index ?? 0 : folds.placeOf(hit.line), "middle");
      pilled();
    },
    rows: view.rows,
  });

  const keys = { w: "wrap", t: "times", s: "sources", e: "fold", f: "full", d: "download" };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") section.classList.remove("is-full");
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "f" && !event.shiftKey && find.take()) { event.preventDefault(); return; }
    const typing = /** @type {Element} */ (event.target).matches("input, textarea, select, [contenteditable]");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") || !(event.key in keys)) return;
    const button = $(keys[event.key]);
    if (!button.hidden) { event.preventDefault(); button.click(); }
  });
  document.addEventListener("zone", () => retime(box));
  for (const subject of section.dataset.live.split(" ")) watch(subject, pull);
  reload().catch(() => {});  // the next hint or the slow poll tries again
}
