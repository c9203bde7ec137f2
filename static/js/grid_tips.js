// @ts-check
/** What is told of the cell under the pointer or the focus: at once what is known here, a moment later the times. */
import { absolute, duration, zone } from "./dates.js";
import { ask } from "./fetch.js";
import { seconds, total, WORST } from "./grid_model.js";
import { hideTip, tipFor, words } from "./tip.js";
import { gettext } from "./texts.js";

const PATIENCE = 130, MOST = 500, FRESH = 30_000;

export class Tips {
  /** @param {HTMLElement} grid @param {import("./grid_view.js").View} view @param {string} url */
  constructor(grid, view, url) {
    this.grid = grid; this.view = view; this.url = url; this.timer = 0;
    /** What the server said of a cell, until its run changes. @type {Map<string, any>} */
    this.known = new Map();
    /** @type {Element | null} */
    this.shown = null;
  }

  listen() {
    const { grid, view } = this;
    grid.addEventListener("pointerover", (event) => {
      const cell = /** @type {Element} */ (event.target).closest("[data-cell]");
      if (cell === this.shown) return;
      if (!cell) { this.leave(); return; }
      view.light(view.at(cell)?.[1] ?? null);
      this.about(cell);
    });
    grid.addEventListener("pointerleave", () => this.leave());
    grid.addEventListener("focusin", (event) => { const cell = /** @type {Element} */ (event.target).closest("[data-cell]"); if (cell?.matches(":focus-visible")) { view.light(view.at(cell)?.[1] ?? null); this.about(cell); } });
    grid.addEventListener("focusout", () => this.leave());
    view.scroll.addEventListener("scroll", () => { if (this.shown) this.leave(); }, { passive: true });
  }

  leave() { clearTimeout(this.timer); this.shown = null; this.view.light(null); hideTip(); }

  /** @param {Element} cell */
  about(cell) {
    const known = this.view.at(cell);
    if (!known) return;
    clearTimeout(this.timer);
    this.shown = cell;
    const [line, column] = known, run = this.view.model.runs[column], row = line.row;
    if (row.kind === "more") { hideTip(); return; }
    if (row.kind === "head") {
      const key = `${run.pk} ${run.raw} ${Math.floor(Date.now() / FRESH)}`, told = this.known.get(key);
      tipFor(cell, run.run_id, [...ofRun(run), ...(told ? ofEnd(told) : [])]);
      if (!told && run.start && !run.end) this.#askFor(cell, column, key, { run: run.run_id });
      return;
    }
    const counts = this.view.model.counts(row, run), key = `${run.pk} ${run.raw} ${row.key}`, told = this.known.get(key);
    tipFor(cell, row.kind === "instance" ? `${row.id} ${row.label}` : row.id, [...ofStates(counts), ...(told ? ofTimes(told) : []), [run.run_id, ""]]);
    if (told || row.kind === "group" || !total(counts)) return;
    this.#askFor(cell, column, key, { run: run.run_id, task: row.id, ...(row.kind === "instance" ? { index: String(row.index) } : {}) });
  }

  /** Ask the server a moment later, and tell it too. @param {Element} cell @param {number} column @param {string} key @param {Record<string, string>} about */
  #askFor(cell, column, key, about) {
    this.timer = setTimeout(async () => {
      try {
        const found = await (await ask(`${this.url}?${new URLSearchParams(about)}`)).json();
        if (this.known.size > MOST) this.known.clear();
        this.known.set(key, found);
        if (this.shown === cell && this.view.at(cell)?.[1] === column) this.about(cell);
      } catch { /* what is shown already has to do */ }
    }, PATIENCE);
  }
}

/** @param {Record<string, number>} counts */
function ofStates(counts) {
  const many = total(counts) > 1, found = WORST.filter((state) => counts[state]);
  return found.length ? found.map((state) => [many ? `${counts[state]} ${words(state)}` : words(state), state]) : [[gettext("not in this run"), ""]];
}

/** @param {any} told */
function ofTimes(told) {
  const at = (/** @type {string} */ name) => (told[name] ? absolute(new Date(told[name])) : "");
  const lasted = told.start ? (Date.parse(told.end ?? new Date().toISOString()) - Date.parse(told.start)) / 1000 : 0;
  return [
    ...(told.try > 1 ? [[`try ${told.try}`, ""]] : []),
    ...(told.scheduled ? [[`scheduled ${at("scheduled")}`, ""]] : []),
    ...(told.start ? [[`started ${at("start")}`, ""]] : []),
    ...(told.end ? [[`ended ${at("end")}`, ""]] : []),
    ...(told.start ? [[took(duration(lasted), told.end), ""]] : []),
    ...(told.note ? [[gettext("has a note"), ""]] : []),
  ];
}

/** @param {any} run */
function ofRun(run) {
  return [
    [words(run.state), run.state],
    [`${run.type.replaceAll("_", " ")} run, version ${run.version}`, ""],
    [gettext("for {time}", { time: `${absolute(new Date(run.at))} ${zone === "UTC" ? "UTC" : ""}` }), ""],
    ...(run.queued ? [[gettext("queued {time}", { time: absolute(new Date(run.queued)) }), ""]] : []),
    ...(run.start ? [[gettext("started {time}", { time: absolute(new Date(run.start)) }), ""]] : []),
    ...(run.end ? [[gettext("ended {time}", { time: absolute(new Date(run.end)) }), ""]] : []),
    [run.start ? took(duration(seconds(run)), run.end) : gettext("not started"), ""],
    ...(run.late ? [[gettext("missed a deadline"), ""]] : []),
    ...(run.note ? [[gettext("has a note"), ""]] : []),
  ];
}

/** When a run will end. @param {any} told */
function ofEnd(told) {
  if (told.half) return [[gettext("ends about {time}", { time: absolute(new Date(told.half)) }), ""], [gettext("nine of ten by {time}", { time: absolute(new Date(told.most)) }), ""]];
  return told.first ? [[gettext("no forecast: first run"), ""]] : [];
}

/** @param {string} span @param {unknown} ended */
function took(span, ended) { return ended ? gettext("took {span}", { span }) : gettext("took {span} so far", { span }); }
