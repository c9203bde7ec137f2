// @ts-check
/** What the grid shows, with nothing of it drawn: runs and rows as they arrive, counted when they are asked for. */
import { gettext } from "./texts.js";

/** Which state stands for several. */
export const WORST = ["failed", "cancelled", "upstream_failed", "up_for_retry", "up_for_reschedule", "running", "awaiting_input", "deferred", "scheduled", "none", "success", "skipped", "removed"];
const ABSENT = "-", MANY = "*";

/** @typedef {Record<string, number>} Counts */

/** @param {Counts} counts */
export function worst(counts) { return WORST.find((state) => counts[state]) ?? ""; }

/** @param {Counts} counts */
export function total(counts) { let sum = 0; for (const state in counts) sum += counts[state]; return sum; }

/** @param {Counts} into @param {Counts} counts */
function add(into, counts) { for (const state in counts) into[state] = (into[state] ?? 0) + counts[state]; }

/** @param {any} run */
export function seconds(run) { return run.start ? (Date.parse(run.end ?? new Date().toISOString()) - Date.parse(run.start)) / 1000 : 0; }

export class Model {
  /** @param {any} data  a whole answer */
  constructor(data) {
    /** Mapped tasks that are open: task id -> what the server says of their instances. @type {Map<string, any>} */
    this.opened = new Map();
    this.take(data);
  }

  /** @param {any} data */
  take(data) {
    this.codes = data.codes; this.base = data.base; this.shape = data.shape; this.at = data.at;
    this.tasks = data.rows.filter((/** @type {any} */ row) => !row.former);
    let place = 0;
    for (const row of this.tasks) { row.key = `${row.kind ?? "task"} ${row.id}`; if (row.kind !== "group") row.place = place++; }
    this.count = place;
    this.runs = data.runs.map((/** @type {any} */ run) => this.#read(run));
    this.#former(); this.#members();
  }

  /** Put older runs before those that are here. @param {any} data @returns {number} how many */
  older(data) {
    const here = new Set(this.runs.map((run) => run.pk));
    const fresh = data.runs.filter((/** @type {any} */ run) => !here.has(run.pk)).map((/** @type {any} */ run) => this.#read(run));
    this.runs = [...fresh, ...this.runs];
    this.#former();
    return fresh.length;
  }

  /**
   * Take what changed. @param {any} part  an answer to `since`
   * @returns {{ pks: Set<number>, gone: number, moved: boolean } | null} which runs; how many of the oldest are gone, where
   *   otherwise only newer ones came; whether it is another choice of runs altogether; null: fetch it all again
   */
  merge(part) {
    if (part.shape !== this.shape) return null;
    const known = new Map(this.runs.map((run) => [run.pk, run]));
    const pks = new Set();
    for (const run of part.runs) {
      const before = known.get(run.pk);
      if (before && before.raw === run.states && before.state === run.state && before.end === run.end && !run.former && JSON.stringify(before.many) === JSON.stringify(run.many)) continue;
      known.set(run.pk, this.#read(run)); pks.add(run.pk);
    }
    if (part.order.some((/** @type {number} */ pk) => !known.has(pk))) return null;
    const gone = Math.max(0, this.runs.findIndex((run) => run.pk === part.order[0]));
    const moved = this.runs.length - gone > part.order.length || this.runs.slice(gone).some((run, at) => run.pk !== part.order[at]);
    this.runs = part.order.map((/** @type {number} */ pk) => known.get(pk));
    this.at = part.at;
    this.#former();
    return { pks, gone, moved };
  }

  /** Give what stands behind the rows of this version its names. @param {any} run */
  #read(run) {
    run.others = {}; run.raw = run.states;
    (run.former ?? []).forEach((/** @type {string} */ id, /** @type {number} */ at) => {
      const code = run.states[this.count + at];
      if (code !== ABSENT) run.others[id] = code === MANY ? run.many[this.count + at] : { [this.codes[code]]: 1 };
    });
    return run;
  }

  #former() {
    const ids = [...new Set(this.runs.flatMap((run) => Object.keys(run.others)))].sort();
    if (this.rows && this.rows[0] === this.tasks[0] && this.rows.slice(this.tasks.length).map((row) => row.id).join("\n") === ids.join("\n")) return;
    this.rows = [...this.tasks, ...ids.map((id) => ({ id, key: `task ${id}`, label: id, depth: 0, group: null, former: true }))];
  }

  /** Places of the tasks below each group. */
  #members() {
    /** @type {Map<string, number[]>} */
    this.members = new Map();
    const parent = new Map(this.tasks.filter((row) => row.kind === "group").map((row) => [row.id, row.group]));
    for (const row of this.tasks) {
      if (row.kind === "group") continue;
      for (let group = row.group; group; group = parent.get(group)) { if (!this.members.has(group)) this.members.set(group, []); this.members.get(group).push(row.place); }
    }
  }

  /** State -> how many, of one row in one run. @param {any} row @param {any} run @returns {Counts} */
  counts(row, run) {
    if (row.kind === "instance") { const code = this.opened.get(row.id)?.states[run.pk]?.[row.at] ?? ABSENT; return code !== ABSENT ? { [this.codes[code]]: 1 } : {}; }
    if (row.former) return run.others[row.id] ?? {};
    if (row.kind !== "group") return this.#at(run, row.place);
    /** @type {Counts} */
    const found = {};
    for (const place of this.members.get(row.id) ?? []) add(found, this.#at(run, place));
    return found;
  }

  /** @param {any} run @param {number} place @returns {Counts} */
  #at(run, place) {
    const code = run.states[place];
    if (code === MANY) return run.many[place];
    return code === ABSENT || code === undefined ? {} : { [this.codes[code]]: 1 };
  }

  /** The rows from top to bottom, with the instances of open mapped tasks below them. */
  lines() {
    return this.rows.flatMap((row) => {
      const open = this.opened.get(row.id);
      if (!open || row.kind === "group") return [row];
      const below = open.rows.map((/** @type {any} */ each, /** @type {number} */ at) => ({ id: row.id, key: `instance ${row.id} ${each.index}`, kind: "instance", index: each.index, at, label: each.label, depth: row.depth + 1, group: row.group }));
      const more = open.count > open.rows.length ? [{ id: row.id, key: `more ${row.id}`, kind: "more", label: gettext("all {count} instances", { count: open.count }), depth: row.depth + 1, group: row.group }] : [];
      return [row, ...below, ...more];
    });
  }

  /**
   * Which lines are to be seen. @param {any[]} lines @param {Set<string>} folds @param {string} text @param {Set<string>} states
   * @returns {Set<string>} keys
   */
  visible(lines, folds, text, states) {
    /** @type {Set<string>} */
    const hidden = new Set(), shown = new Set();
    const fits = (/** @type {any} */ row) => (!text || row.id.toLowerCase().includes(text) || row.label.toLowerCase().includes(text)) && (!states.size || this.runs.some((run) => { for (const state in this.counts(row, run)) if (states.has(state)) return true; return false; }));
    for (const row of lines) {
      if (text || states.size) { if (row.kind !== "group" && fits(row)) shown.add(row.key); continue; }
      const inside = row.group && (hidden.has(row.group) || folds.has(row.group));
      if (inside) { if (row.kind === "group") hidden.add(row.id); } else shown.add(row.key);
    }
    return shown;
  }

  /** Where a cell leads. @param {any} row @param {any} run @param {Counts} counts */
  address(row, run, counts) {
    run.path ??= `${this.base}/runs/${encodeURIComponent(run.run_id)}`;
    row.path ??= encodeURIComponent(row.id);
    if (row.kind === "instance") return `${run.path}/tasks/${row.path}/mapped/${row.index}`;
    if (row.kind === "group" || row.kind === "more") return "";
    return `${run.path}/tasks/${row.path}${row.mapped && total(counts) > 1 ? "/mapped" : ""}`;
  }
}
