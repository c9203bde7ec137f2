// @ts-check
/**
 * The grid: runs as columns (newest right), tasks as rows. Names are all there, so that the browser's own search finds
 * them; a row's cells are made when it first comes into view, and then only those are touched that differ.
 */
import { absolute, duration, zone } from "./dates.js";
import { ask } from "./fetch.js";
import { watch } from "./live.js";
import { gently } from "./refresh.js";
import { recall, remember } from "./store.js";
import { hideTip, tipFor, words } from "./tip.js";

const WORST = ["failed", "cancelled", "upstream_failed", "up_for_retry", "up_for_reschedule", "running", "awaiting_input", "deferred", "scheduled", "none", "success", "skipped", "removed"];
const BAR = 64;

/** @param {string} tag @param {string} [kind] */
function make(tag, kind) { const element = document.createElement(tag); if (kind) element.className = kind; return element; }

/** The state that stands for several. @param {Record<string, number>} counts */
export function worst(counts) { return WORST.find((state) => counts[state]) ?? ""; }

/** @param {Record<string, number>} into @param {Record<string, number>} counts */
function add(into, counts) { for (const [state, count] of Object.entries(counts)) into[state] = (into[state] ?? 0) + count; }

/** State -> count of one row in one run. @param {any} data @param {any} run @param {number} place */
function countsAt(data, run, place) {
  const code = run.states[place];
  if (code === "*") return run.many[place];
  return code === "-" || code === undefined ? {} : { [data.codes[code]]: 1 };
}

/** @param {any} run */
function seconds(run) { return run.start ? (Date.parse(run.end ?? new Date().toISOString()) - Date.parse(run.start)) / 1000 : 0; }

/** @param {HTMLElement} section */
export function start(section) {
  const grid = /** @type {HTMLElement} */ (section.querySelector(".grid")), scroll = /** @type {HTMLElement} */ (section.querySelector(".grid-scroll"));
  const select = /** @type {HTMLSelectElement} */ (section.querySelector("[data-runs]")), find = /** @type {HTMLInputElement} */ (section.querySelector("[data-filter]"));
  const foldAll = /** @type {HTMLElement} */ (section.querySelector("[data-fold]")), status = section.querySelector("[data-status]");
  let data = JSON.parse(document.getElementById(section.dataset.source).textContent);
  const folds = new Set(JSON.parse(recall(`folds ${data.base}`, "[]")));
  let shape = "", shown = recall("grid runs", "25");
  select.value = shown;
  /** @type {Map<string, HTMLElement>} */
  const cells = new Map();

  const taskUrl = (/** @type {any} */ run, /** @type {any} */ row, /** @type {any} */ counts) =>
    `${data.base}/runs/${encodeURIComponent(run.run_id)}/tasks/${encodeURIComponent(row.id)}${row.mapped && Object.values(counts).reduce((a, b) => a + b, 0) > 1 ? "/mapped" : ""}`;

  function build() {
    const keep = document.activeElement?.closest?.("[data-cell]")?.getAttribute("data-cell");
    cells.clear(); seen.disconnect(); filled.clear();
    grid.replaceChildren(head(), ...data.rows.map(line));
    for (const box of grid.querySelectorAll("[data-row]")) seen.observe(box);
    foldAll.hidden = !data.rows.some((/** @type {any} */ row) => row.kind === "group");
    widen();
    members = below();
    visible();
    if (keep) fillRow(Number(keep.split(" ")[0]));
    if (keep) cells.get(keep)?.focus();
    if (!data.runs.length) { const empty = make("div", "empty"); const title = make("h2"), text = make("p"); title.textContent = "It has not run yet"; text.textContent = "Trigger it, or switch it on for its schedule."; empty.append(title, text); grid.append(empty); }
  }

  function head() {
    const row = make("div", "g-row g-head"), name = make("div", "g-name"), axis = make("div", "axis"), bars = make("div", "g-cells");
    row.setAttribute("role", "row");
    const most = make("span"), half = make("span"), zero = make("span");
    most.dataset.axis = "1"; half.dataset.axis = "0.5"; zero.textContent = "0s";
    axis.append(most, half, zero); name.append(axis);
    data.runs.forEach((/** @type {any} */ run, /** @type {number} */ index) => {
      const link = /** @type {HTMLAnchorElement} */ (make("a", "g-bar"));
      link.href = `${data.base}/runs/${encodeURIComponent(run.run_id)}`;
      link.dataset.cell = `-1 ${index}`; link.tabIndex = -1; link.setAttribute("role", "columnheader");
      const before = data.runs[index - 1];
      if (before && before.version !== run.version) { const mark = make("span", "ver"), text = make("b"); text.textContent = `v${run.version}`; mark.append(text); link.append(mark); }
      link.append(make("i", "b"), make("i", `ic kind ic-kind-${run.type}`));
      cells.set(link.dataset.cell, link);
      bars.append(link);
    });
    row.append(name, bars);
    return row;
  }

  /** @param {any} row @param {number} at */
  function line(row, at) {
    const box = make("div", "g-row"), name = make("div", `g-name${row.kind === "group" ? " is-group" : ""}${row.former ? " former" : ""}`), box2 = make("div", "g-cells");
    box.setAttribute("role", "row"); box.dataset.row = String(at);
    name.style.setProperty("--depth", row.depth); name.setAttribute("role", "rowheader"); name.title = row.operator ? `${row.id} · ${row.operator}` : row.id;
    if (row.kind === "group") {
      const button = make("button"); button.textContent = row.label; button.dataset.group = row.id; button.setAttribute("type", "button");
      name.append(button);
    } else {
      const link = /** @type {HTMLAnchorElement} */ (make("a")); link.href = `${data.base}/tasks/${encodeURIComponent(row.id)}`; link.textContent = row.label; name.append(link);
    }
    if (row.mapped) { const mark = make("small"); mark.textContent = "mapped"; name.append(mark); }
    box.append(name, box2);
    return box;
  }

  /** Rows whose cells are made. @type {Set<number>} */
  const filled = new Set();
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) fillRow(Number(/** @type {HTMLElement} */ (entry.target).dataset.row));
  }, { root: scroll, rootMargin: "300px 0px" });

  /** @param {number} at */
  function fillRow(at) {
    const row = data.rows[at];
    if (!row || filled.has(at)) return;
    filled.add(at);
    const box = grid.querySelector(`[data-row="${at}"] .g-cells`);
    const fresh = document.createDocumentFragment();
    data.runs.forEach((/** @type {any} */ _, /** @type {number} */ index) => {
      const cell = make(row.kind === "group" ? "span" : "a");
      cell.dataset.cell = `${at} ${index}`; cell.tabIndex = -1; cell.setAttribute("role", "gridcell");
      cell.append(make("i"));
      cells.set(cell.dataset.cell, cell);
      fresh.append(cell);
    });
    box.append(fresh);
    data.runs.forEach((/** @type {any} */ run, /** @type {number} */ column) => paintCell(row, at, run, column));
  }

  /** @type {Map<string, number[]>} */
  let members = new Map();

  /** @param {any} row @param {number} at @param {any} run @param {number} column */
  function paintCell(row, at, run, column) {
    const cell = cells.get(`${at} ${column}`);
    if (!cell) return;
    /** @type {Record<string, number>} */
    let counts = {};
    if (row.kind === "group") for (const place of members.get(row.id) ?? []) add(counts, countsAt(data, run, place));
    else counts = countsAt(data, run, row.place);
    const state = worst(counts), total = Object.values(counts).reduce((a, b) => a + b, 0);
    const mark = /** @type {HTMLElement} */ (cell.firstElementChild);
    const kind = state ? `st st-${state}${row.kind === "group" || (row.mapped && total > 1) ? " many" : ""}` : "";
    if (mark.className !== kind) {
      mark.className = kind;
      cell.setAttribute("aria-label", state ? `${row.label}, ${words(state)}${total > 1 ? `, ${total} instances` : ""}` : `${row.label}, not in this run`);
    }
    if (cell instanceof HTMLAnchorElement && state) { const url = taskUrl(run, row, counts); if (cell.getAttribute("href") !== url) cell.href = url; }
    /** @type {any} */ (cell).counts = counts;
  }

  /** Places of the tasks below each group. */
  function below() {
    /** @type {Map<string, number[]>} */
    const found = new Map();
    const parent = new Map(data.rows.filter((/** @type {any} */ row) => row.kind === "group").map((/** @type {any} */ row) => [row.id, row.group]));
    let place = 0;
    for (const row of data.rows) {
      if (row.kind === "group") continue;
      for (let group = row.group; group; group = parent.get(group)) { if (!found.has(group)) found.set(group, []); found.get(group).push(place); }
      row.place = place++;
    }
    return found;
  }

  /** Colour every cell whose state differs from what it shows. */
  function paint() {
    members = below();
    const longest = Math.max(1, ...data.runs.map(seconds));
    for (const span of grid.querySelectorAll("[data-axis]")) span.textContent = duration(longest * Number(/** @type {HTMLElement} */ (span).dataset.axis));
    data.runs.forEach((/** @type {any} */ run, /** @type {number} */ column) => {
      const bar = /** @type {HTMLElement} */ (cells.get(`-1 ${column}`)?.querySelector(".b"));
      if (bar) { bar.className = `b b-${run.state}`; bar.style.height = `${Math.max(4, Math.round(seconds(run) / longest * BAR))}px`; bar.parentElement.setAttribute("aria-label", `Run ${absolute(new Date(run.at))}, ${words(run.state)}`); }
      for (const at of filled) paintCell(data.rows[at], at, run, column);
    });
    const active = data.runs.filter((/** @type {any} */ run) => !run.end).length;
    status.textContent = active ? `${active} active` : "";
  }

  function visible() {
    const text = find.value.trim().toLowerCase();
    /** @type {Set<string>} */
    const hidden = new Set();
    data.rows.forEach((/** @type {any} */ row, /** @type {number} */ at) => {
      const inside = row.group && (hidden.has(row.group) || folds.has(row.group));
      if (row.kind === "group" && inside) hidden.add(row.id);
      const box = /** @type {HTMLElement} */ (grid.querySelector(`[data-row="${at}"]`));
      box.hidden = text ? !(row.kind !== "group" && row.id.toLowerCase().includes(text)) : Boolean(inside);
      box.querySelector("button")?.setAttribute("aria-expanded", String(!folds.has(row.id)));
    });
    foldAll.textContent = folds.size ? "Unfold all groups" : "Fold all groups";
    for (const cell of grid.querySelectorAll('[data-cell][tabindex="0"]')) /** @type {HTMLElement} */ (cell).tabIndex = -1;
    const open = /** @type {HTMLElement | null} */ (grid.querySelector("[data-row]:not([hidden])"));
    if (!open) return;
    fillRow(Number(open.dataset.row));
    const first = cells.get(`${open.dataset.row} ${data.runs.length - 1}`);
    if (first) first.tabIndex = 0;
  }

  function widen() {
    const longest = Math.max(12, ...data.rows.map((/** @type {any} */ row) => row.label.length + row.depth * 2 + (row.mapped ? 8 : 0)));
    const room = innerWidth < 760 ? 150 : 380;
    grid.style.setProperty("--names", `${Math.min(room, Math.max(innerWidth < 760 ? 120 : 200, longest * 7.4 + 44))}px`);
  }

  /** @param {string} group */
  function toggle(group) {
    if (folds.has(group)) folds.delete(group); else folds.add(group);
    remember(`folds ${data.base}`, JSON.stringify([...folds]));
    visible();
  }

  function draw() {
    const now = JSON.stringify([data.rows.map((/** @type {any} */ row) => [row.id, row.label, row.depth]), data.runs.map((/** @type {any} */ run) => run.pk)]);
    const right = scroll.scrollWidth - scroll.clientWidth - scroll.scrollLeft < 30, first = shape === "";
    if (now !== shape) { shape = now; build(); if (right || first) scroll.scrollLeft = scroll.scrollWidth; }
    paint();
  }

  const refresh = gently(async () => {
    data = await (await ask(`${section.dataset.json}?runs=${shown}`)).json();
    draw();
  });
  watch(section.dataset.live, refresh);
  document.addEventListener("acted", refresh);
  select.addEventListener("change", () => { shown = select.value; remember("grid runs", shown); refresh(); });
  find.addEventListener("input", visible);
  foldAll.addEventListener("click", () => {
    const open = !folds.size;
    folds.clear();
    if (open) for (const row of data.rows) if (row.kind === "group") folds.add(row.id);
    remember(`folds ${data.base}`, JSON.stringify([...folds]));
    visible();
  });
  grid.addEventListener("click", (event) => {
    const group = /** @type {Element} */ (event.target).closest("[data-group]");
    if (group) toggle(group.getAttribute("data-group"));
  });

  /** @param {HTMLElement} cell */
  function about(cell) {
    const [at, column] = cell.dataset.cell.split(" ").map(Number);
    const run = data.runs[column];
    const rows = [[`${absolute(new Date(run.at))} ${zone === "UTC" ? "UTC" : ""}`, ""]];
    if (at < 0) return tipFor(cell, run.run_id, [[words(run.state), run.state], [`${run.type.replaceAll("_", " ")} run, version ${run.version}`, ""], [run.start ? `took ${duration(seconds(run))}${run.end ? "" : " so far"}` : "not started", ""], ...(run.note ? [["has a note", ""]] : []), ...rows]);
    const counts = /** @type {any} */ (cell).counts ?? {};
    const many = Object.values(counts).reduce((/** @type {number} */ a, /** @type {any} */ b) => a + b, 0) > 1;
    const states = Object.entries(counts).map(([state, count]) => [many ? `${count} ${words(state)}` : words(state), state]);
    tipFor(cell, data.rows[at].label, [...(states.length ? states : [["not in this run", ""]]), ...rows]);
  }
  let lit = -1;
  grid.addEventListener("pointerover", (event) => {
    const cell = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-cell]"));
    if (!cell) { hideTip(); return; }
    about(cell);
    const column = Number(cell.dataset.cell.split(" ")[1]);
    if (column !== lit && data.rows.length < 400) { for (const each of grid.querySelectorAll(".is-col")) each.classList.remove("is-col"); data.rows.forEach((/** @type {any} */ _, /** @type {number} */ at) => cells.get(`${at} ${column}`)?.classList.add("is-col")); lit = column; }
  });
  grid.addEventListener("pointerleave", () => { hideTip(); lit = -1; for (const each of grid.querySelectorAll(".is-col")) each.classList.remove("is-col"); });
  grid.addEventListener("focusin", (event) => { const cell = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-cell]")); if (cell?.matches(":focus-visible")) about(cell); });
  grid.addEventListener("focusout", hideTip);
  grid.addEventListener("keydown", (event) => {
    const cell = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-cell]"));
    if (!cell) return;
    let [at, column] = cell.dataset.cell.split(" ").map(Number);
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (event.key === " " && data.rows[at]?.kind === "group") { event.preventDefault(); toggle(data.rows[at].id); return; }
    if (!step) return;
    event.preventDefault();
    for (let tries = 0; tries <= data.rows.length; tries++) {
      at += step[0]; column += step[1];
      if (at >= 0) fillRow(at);
      const next = cells.get(`${at} ${column}`);
      if (!next) return;
      if (!next.closest("[hidden]")) { cell.tabIndex = -1; next.tabIndex = 0; next.focus(); next.scrollIntoView({ block: "nearest", inline: "nearest" }); return; }
    }
  });
  setInterval(() => { if (!document.hidden && data.runs.some((/** @type {any} */ run) => run.start && !run.end)) paint(); }, 2000);
  draw();
  if (shown !== "25") refresh();
}
