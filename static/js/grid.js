// @ts-check
/** The grid: runs as columns (newest right), tasks as rows; kept up to date run by run. */
import { ask } from "./fetch.js";
import { Model, total } from "./grid_model.js";
import { Picks } from "./grid_pick.js";
import { Tips } from "./grid_tips.js";
import { View } from "./grid_view.js";
import { watch } from "./live.js";
import { alsoRefresh, gently } from "./refresh.js";
import { recall, remember } from "./store.js";
import { gettext } from "./texts.js";

/** @param {HTMLElement} section */
export function start(section) {
  const grid = /** @type {HTMLElement} */ (section.querySelector(".grid")), scroll = /** @type {HTMLElement} */ (section.querySelector(".grid-scroll"));
  const select = /** @type {HTMLSelectElement} */ (section.querySelector("[data-runs]")), find = /** @type {HTMLInputElement} */ (section.querySelector("[data-filter]"));
  const foldAll = /** @type {HTMLElement} */ (section.querySelector("[data-fold]")), status = section.querySelector("[data-status]"), states = /** @type {HTMLElement} */ (section.querySelector("[data-states]"));
  const first = JSON.parse(document.getElementById(section.dataset.source).textContent);
  const model = new Model(first), view = new View(grid, scroll, model), tips = new Tips(grid, view, section.dataset.instance);
  const folds = new Set(JSON.parse(recall(`folds ${model.base}`, "[]")));
  const place = () => new URLSearchParams(location.search);
  let older = first.older, ever = first.ever, how = first.how, serial = 0, before = Promise.resolve(), begin = () => {};
  const drawn = new Promise((/** @type {(value?: any) => void} */ go) => { begin = go; });

  // ---- what is asked of the server

  /** The page's own filters, for the server. @param {Record<string, string | number>} [more] */
  function query(more = {}) {
    const found = place();
    for (const name of ["q", "task_state", "part"]) found.delete(name);
    found.set("runs", select.value);
    for (const [name, value] of Object.entries(more)) found.set(name, String(value));
    return found;
  }
  /** @param {Record<string, string | number>} more */
  async function get(more) { return (await ask(`${section.dataset.json}?${query(more)}`)).json(); }

  /** Everything anew: another question is asked now. */
  async function whole() {
    const own = ++serial, data = await get({});
    if (own !== serial) return;
    older = data.older; ever = data.ever; how = data.how;
    const kept = focused();
    model.take(data); await reopen();
    rebuild(kept);
  }
  /** The runs before those that came with the page. @param {Promise<any> | ""} [begun]  they have been asked for already */
  async function rest(begun) {
    if (!older || model.runs.length >= Number(select.value)) return;
    const own = serial, asked = begun || get({ skip: model.runs.length });
    await drawn;  // asked for meanwhile: the server looks for them while the page draws those it has
    const data = await asked;
    if (own !== serial) return;
    const kept = focused(), rows = model.rows, count = model.older(data);
    older = data.older;
    moveBy(count, kept);
    if (rows !== model.rows) { view.build(); visible(); } else if (filtering()) visible();
    pages();
  }
  const refresh = gently(async () => {
    await before;  // without the older runs what changed would look like another choice of runs, and all be fetched again
    const own = serial, part = await get({ since: model.at });
    if (own !== serial) return;
    const kept = focused(), rows = model.rows, count = model.runs.length, merged = model.merge(part);
    if (!merged) { await whole(); return; }
    if (model.opened.size && merged.pks.size) { await reopen(); merged.moved = true; }
    if (merged.moved || rows !== model.rows) rebuild(kept);
    else {
      if (merged.gone || count !== model.runs.length) onwards(merged.gone, kept);
      view.paint(merged.pks);
      if (filtering() && merged.pks.size) visible();
    }
    if (!model.runs.length && part.how && part.how !== how) { how = part.how; empty(); }
    tell();
  });

  // ---- drawing

  function focused() { const known = view.at(document.activeElement); return known && { key: known[0].row.key, run: model.runs[known[1]]?.pk }; }
  /** @param {{ key: string, run: number } | undefined} kept */
  function refocus(kept) {
    const line = kept && (kept.key === "head" ? view.head : view.lines.get(kept.key)), column = kept ? model.runs.findIndex((run) => run.pk === kept.run) : -1;
    if (line && column >= 0) view.focus(line, column);
  }
  /** @typedef {{ key: string, run: number } | undefined} Place  where the focus was, while the view and the model still agreed */
  /** The newest runs came, and so many of the oldest went. @param {number} gone @param {Place} kept */
  function onwards(gone, kept) {
    const right = atTheEnd();
    moveBy(-gone, kept);
    if (right) { scroll.scrollLeft = scroll.scrollWidth; view.look(); }
    view.rove(); empty(); pages();
  }
  /** @param {number} by @param {Place} kept */
  function moveBy(by, kept) {
    view.shift(by);
    if (kept?.key === "head") refocus(kept);  // the bars are made anew: what is the longest has changed, too
  }
  const atTheEnd = () => scroll.scrollWidth - scroll.clientWidth - scroll.scrollLeft < 30;
  /** @param {Place} [kept] */
  function rebuild(kept = focused()) {
    const right = atTheEnd(), top = scroll.scrollTop;
    view.build(); visible(); empty();
    if (right) scroll.scrollLeft = scroll.scrollWidth;
    scroll.scrollTop = top;
    view.look(); refocus(kept); pages(); tell();
  }
  function empty() {
    grid.querySelector(".empty")?.remove();
    if (model.runs.length) return;
    const box = document.createElement("div"), title = document.createElement("h2"), text = document.createElement("p");
    box.className = "empty"; title.textContent = ever ? gettext("No run fits these filters") : gettext("It has not run yet"); text.textContent = ever ? gettext("Loosen them, or go back to newer runs.") : how;
    box.append(title, text); grid.append(box);
  }
  const chosen = () => new Set([.../** @type {NodeListOf<HTMLInputElement>} */ (states.querySelectorAll("input:checked"))].map((box) => box.value));
  const filtering = () => find.value.trim() !== "" || chosen().size > 0;
  function visible() {
    const wanted = chosen();
    view.show(model.visible([...view.lines.values()].map((line) => line.row), folds, find.value.trim().toLowerCase(), wanted), folds);
    states.querySelector("b").textContent = wanted.size ? `: ${wanted.size}` : "";
    foldAll.hidden = filtering() || !model.tasks.some((row) => row.kind === "group");
    foldAll.textContent = folds.size ? gettext("Unfold all groups") : gettext("Fold all groups");
    section.classList.toggle("no-rows", filtering() && !view.order.length);
  }
  function tell() {
    const active = model.runs.filter((run) => !run.end).length;
    status.textContent = active ? gettext("{count} active", { count: active }) : "";
  }
  function pages() {
    const page = Number(place().get("page") ?? 1) || 1;
    for (const [name, to, shown] of /** @type {[string, number, boolean]} */ ([["older", page + 1, older], ["newer", page - 1, page > 1]])) {
      const link = /** @type {HTMLAnchorElement} */ (section.querySelector(`[data-${name}]`)), address = place();
      if (to > 1) address.set("page", String(to)); else address.delete("page");
      link.href = `?${address}`; link.hidden = !shown;
    }
  }
  /** @param {Record<string, string>} values  into the address of the page */
  function note(values) {
    const address = place();
    for (const [name, value] of Object.entries(values)) if (value) address.set(name, value); else address.delete(name);
    history.replaceState(null, "", `${location.pathname}${address.size ? `?${address}` : ""}`);
    for (const [name, value] of Object.entries(values)) carry(name, value);
    visible(); pages();
  }

  /** The form of filters takes along what else stands in the address. @param {string} name @param {string} value */
  function carry(name, value) {
    const form = document.querySelector("form.filters");
    form?.querySelector(`input[type=hidden][name="${name}"]`)?.remove();
    if (!form || !value || name === "page") return;
    const box = document.createElement("input");
    box.type = "hidden"; box.name = name; box.value = value; form.append(box);
  }

  // ---- folds and mapped tasks

  /** @param {string} group */
  function toggle(group) {
    if (folds.has(group)) folds.delete(group); else folds.add(group);
    remember(`folds ${model.base}`, JSON.stringify([...folds])); visible();
  }
  /** @param {string} task */
  async function instances(task) { return (await ask(`${section.dataset.mapped}?${query({ task })}`)).json(); }
  async function reopen() { for (const task of model.opened.keys()) model.opened.set(task, await instances(task)); }
  /** @param {string} task */
  async function open(task) {
    if (!model.opened.delete(task)) model.opened.set(task, await instances(task));
    rebuild();
  }

  // ---- what people do

  select.addEventListener("change", () => { remember("grid runs", select.value); note({ runs: select.value, page: "" }); whole(); });
  find.addEventListener("input", () => note({ q: find.value.trim() }));
  states.addEventListener("change", () => note({ task_state: [...chosen()].join(",") }));
  foldAll.addEventListener("click", () => {
    const all = !folds.size;
    folds.clear();
    if (all) for (const row of model.tasks) if (row.kind === "group") folds.add(row.id);
    remember(`folds ${model.base}`, JSON.stringify([...folds])); visible();
  });
  grid.addEventListener("click", (event) => {
    const at = /** @type {Element} */ (event.target), group = at.closest("[data-group]"), task = at.closest("[data-task]"), cell = view.at(at.closest("[data-cell]"));
    if (group) toggle(group.getAttribute("data-group"));
    else if (task) open(task.getAttribute("data-task"));
    else if (cell && cell[0].row.kind === "group") toggle(cell[0].row.id);
  });
  grid.addEventListener("keydown", (event) => {
    const known = view.at(/** @type {Element} */ (event.target).closest("[data-cell]"));
    if (!known || event.ctrlKey || event.metaKey || event.altKey) return;
    const [line, column] = known, row = line.row;
    if (event.key === " " && row.kind === "group") { event.preventDefault(); toggle(row.id); return; }
    if (event.key === " " && row.mapped && (model.opened.has(row.id) || total(model.counts(row, model.runs[column])) > 1)) { event.preventDefault(); open(row.id); return; }
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = view.order.indexOf(row.key), far = event.shiftKey, last = model.runs.length - 1;
    const down = far && step[0] ? (step[0] < 0 ? -1 : view.order.length - 1) : Math.min(view.order.length - 1, Math.max(-1, at + step[0]));
    const side = far && step[1] ? (step[1] < 0 ? 0 : last) : Math.min(last, Math.max(0, column + step[1]));
    view.focus(down < 0 ? view.head : view.lines.get(view.order[down]), side);
  });
  tips.listen();
  const form = /** @type {HTMLFormElement | null} */ (document.getElementById("picks"));
  if (form) new Picks(view, form).listen();

  // ---- the beginning

  find.value ||= place().get("q") ?? "";  // who typed before this was loaded has typed nonetheless
  for (const state of (place().get("task_state") ?? "").split(",")) { const box = /** @type {HTMLInputElement | null} */ (states.querySelector(`input[value="${CSS.escape(state)}"]`)); if (box) box.checked = true; }
  const remembered = recall("grid runs", "");
  if (!place().has("runs") && remembered && remembered !== select.value && [...select.options].some((each) => each.value === remembered)) select.value = remembered;
  // With the page itself the browser began to ask for the rest: while the server looks, styles and scripts are fetched.
  before = rest(section.dataset.rest && ask(section.dataset.rest).then((answer) => answer.json())).catch(() => {});
  view.build(); visible(); empty(); scroll.scrollLeft = scroll.scrollWidth; view.look(); pages(); tell();
  begin();
  watch(section.dataset.live, refresh);
  alsoRefresh(whole);
  setInterval(() => { const active = document.hidden ? [] : model.runs.filter((run) => run.start && !run.end); if (active.length) view.paint(new Set(active.map((run) => run.pk))); }, 2000);
}
