// @ts-check
/** The graph: tasks in layers, groups that open and close, states that change in place. Laid out by a worker. */
import { absolute, duration } from "./dates.js";
import { ask } from "./fetch.js";
import { near, shown } from "./graph_choice.js";
import { HEIGHT, paint, stateOf, widthOf } from "./graph_draw.js";
import { download } from "./graph_image.js";
import { sceneOf } from "./graph_scene.js";
import { viewOf } from "./graph_view.js";
import { watch } from "./live.js";
import { alsoRefresh, gently } from "./refresh.js";
import { recall, remember } from "./store.js";
import { glyphs, svg } from "./svg.js";
import { hideTip, tipFor, words } from "./tip.js";
import { gettext } from "./texts.js";

const MOVES_ON = 15_000, MANY_TASKS = 60, READABLE = 0.5, CLEAR = 0.8, FOR_GOOD = ["filter", "depth", "dependencies", "direction"];
/** What lets tasks fade that do not fit. */
const FADES = ["state", "duration_gte", "map_index_gte"];
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Lays out in a worker; a browser that cannot have one does it on the page. @param {string} address */
function layouts(address) {
  /** @type {Map<number, (found: any) => void>} */
  const waiting = new Map();
  let number = 0;
  const worker = new Worker(address, { type: "module" });
  worker.addEventListener("message", ({ data }) => { waiting.get(data.number)?.(data); waiting.delete(data.number); });
  const here = async (/** @type {any} */ given) => ({ found: (await import("./layout.js")).layout(given), took: 0 });
  let broken = false;
  worker.addEventListener("error", () => { broken = true; for (const [number, done] of waiting) { waiting.delete(number); done(null); } });
  return async (/** @type {any} */ given) => {
    if (broken) return here(given);
    const found = await new Promise((resolve) => { waiting.set(++number, resolve); worker.postMessage({ number, given }); });
    return found ?? here(given);
  };
}

/** @param {HTMLElement} section */
/** @param {boolean} ended @param {string} span @param {number} tries */
function took(ended, span, tries) {
  const text = ended ? gettext("took {span}", { span }) : gettext("for {span}", { span });
  return tries > 1 ? `${text}, ${gettext("try {number}", { number: tries })}` : text;
}

export function start(section) {
  const began = performance.now(), tools = /** @type {HTMLFormElement} */ (section.querySelector("form"));
  let data = JSON.parse(document.getElementById(section.dataset.source).textContent);
  const field = (/** @type {string} */ name) => /** @type {HTMLSelectElement | null} */ (tools.elements.namedItem(name));
  const value = (/** @type {string} */ name) => field(name)?.value ?? "";
  /** The node that was typed, by its id or by its name. */
  const rootId = () => { const text = value("root").trim(); return (data.rows.find((/** @type {any} */ row) => row.id === text) ?? data.rows.find((/** @type {any} */ row) => row.label === text))?.id ?? text; };
  const key = `graph folds ${data.base}`, kept = recall(key, ""), given = new URLSearchParams(location.search);
  const groups = () => data.rows.filter((/** @type {any} */ row) => row.kind === "group").map((/** @type {any} */ row) => row.id);
  /** @type {Set<string>} */
  const folds = new Set(kept ? JSON.parse(kept) : data.rows.length > MANY_TASKS ? groups() : []);
  for (const name of ["root", ...FADES, ...FOR_GOOD]) {
    const wanted = given.get(name) ?? (FOR_GOOD.includes(name) ? recall(`graph ${name}`, "") : "");
    if (wanted && field(name)) field(name).value = wanted;
    if (field(name) instanceof HTMLSelectElement && field(name).selectedIndex < 0) field(name).selectedIndex = 0;
  }
  if (innerWidth < 760 && !recall("graph direction", "")) field("direction").value = "TB";

  const canvas = svg("svg", { class: "g", role: "group", "aria-label": gettext("Graph") }), view = svg("g"), map = svg("svg", { class: "map", "aria-hidden": "true", preserveAspectRatio: "xMidYMid" });
  const defs = glyphs(["success", "failed", "running", "queued", "scheduled", "skipped", "deferred", "awaiting_input", "up_for_retry", "up_for_reschedule", "upstream_failed", "removed", "cancelled"]);
  defs.append(svg("marker", { id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse" }, svg("path", { d: "M1 1l6 3-6 3z", fill: "context-stroke" })));
  canvas.append(defs, view);
  // Listeners stand here: an SVG element that listens to focus can be focused itself.
  const stage = section.querySelector("[data-canvas]");
  stage.append(canvas, map);
  const scene = sceneOf(view, paintOne), eye = viewOf(canvas, view, { map, changed: (seen) => scene.reveal(seen) }), lay = layouts(section.dataset.worker), byId = new Map();
  /** @type {any} */
  let laid = { width: 1, height: 1, places: {}, pieces: [] };
  let built = 0, selected = rootId();

  /** @param {{ fit?: boolean, around?: string }} [how]  around: what stays where it is on the screen */
  async function build({ fit = false, around = "" } = {}) {
    const mine = ++built, only = near(data.rows, data.edges, { root: rootId(), filter: value("filter"), depth: Number(value("depth")) });
    const asked = shown(data.rows, data.edges, { folds, only, widthOf, height: HEIGHT });
    const answer = await lay({ ...asked, direction: value("direction") });
    if (mine !== built) return;
    const before = laid.places[around];
    laid = answer.found;
    draw();
    if (before && laid.places[around]) eye.hold(before, laid.places[around]);
    if (fit) lookAtAll();
    section.toggleAttribute("data-filtered", Boolean(only));
    section.dataset.drawn = String(scene.count()); section.dataset.layout = String(Math.round(answer.took)); section.dataset.took ||= String(Math.round(performance.now() - began));
    section.querySelector("[data-none]").toggleAttribute("hidden", scene.count() > 0);
  }

  /** All of it; what was asked for, or what the page is about, where all of it would be too small to read. */
  function lookAtAll() {
    const here = data.rows.find((/** @type {any} */ row) => row.here)?.id, room = /** @type {HTMLElement} */ (stage);
    const small = laid.width * CLEAR > room.clientWidth || laid.height * CLEAR > room.clientHeight;
    if (laid.places[selected]) eye.show(laid.places[selected], 1);
    else if (small && laid.places[here]) eye.show(laid.places[here], CLEAR);
    else eye.fit(READABLE);
  }

  function draw() {
    const focused = document.activeElement?.closest?.(".node, .node-link, .cluster"), last = focused && (focused.getAttribute("data-id") ?? focused.firstElementChild?.getAttribute("data-id"));
    byId.clear();
    for (const row of data.rows) byId.set(row.id, row);
    scene.set(laid, data.rows, folds, ["TB", "BT"].includes(value("direction")));
    paintAll();
    scene.reveal(eye.seen());
    if (last) focusOn(last);
  }

  /** @param {string} id */
  function focusOn(id) { const node = scene.node(id); /** @type {any} */ (node?.closest("a") ?? node ?? view.querySelector(`[data-fold="${CSS.escape(id)}"]`))?.focus({ preventScroll: true }); }

  /** States of a node: of its task, or of all tasks in the closed group. */
  function counted() {
    const parents = new Map(data.rows.map((/** @type {any} */ row) => [row.id, row.group])), sums = new Map();
    for (const [id, counts] of Object.entries(data.states)) for (let group = parents.get(id); group; group = parents.get(group)) {
      if (!sums.has(group)) sums.set(group, {});
      for (const [state, n] of Object.entries(/** @type {any} */ (counts))) sums.get(group)[state] = (sums.get(group)[state] ?? 0) + n;
    }
    return (/** @type {any} */ row) => (row.kind === "group" ? sums.get(row.id) : data.states[row.id]) ?? {};
  }

  let counts = counted();
  /** @param {string} id @param {Element} node */
  function paintOne(id, node) {
    const row = byId.get(id), found = counts(row), link = node.parentNode;
    paint(node, row, found, laid.places[id].width);
    if (link instanceof SVGAElement) {
      const many = row.mapped && Object.values(found).reduce((/** @type {number} */ a, /** @type {any} */ b) => a + b, 0) > 1, run = data.run && data.states[id] ? `/runs/${encodeURIComponent(data.run.run_id)}` : "";
      link.setAttribute("href", row.href ?? `${data.base}${run}/tasks/${encodeURIComponent(id)}${many ? "/mapped" : ""}`);
    }
    node.classList.toggle("dim", !fits(row, found));
  }
  /** @param {any} row @param {Record<string, number>} found */
  const fits = (row, found) => (!value("state") || Boolean(found[value("state")]) || stateOf(row, found) === value("state")) && measures(row);
  /** Whether a task, or one in the group, took as long and has as many instances as asked for. @param {any} row @returns {boolean} */
  function measures(row) {
    const least = Number(value("duration_gte")), index = value("map_index_gte");
    if (!least && !index) return true;
    if (row.kind === "group") return data.rows.some((/** @type {any} */ each) => each.group === row.id && measures(each));
    const [started, ended, , count = 0] = data.times?.[row.id] ?? [];
    const lasted = started ? ((ended ? Date.parse(ended) : Date.now()) - Date.parse(started)) / 1000 : 0;
    return lasted >= least && (!index || (row.mapped && count > Number(index)));
  }

  function paintAll() {
    counts = counted();
    const run = data.run ? `/runs/${encodeURIComponent(data.run.run_id)}` : "", marks = [];
    for (const [id, node] of scene.nodes) paintOne(id, node);
    for (const id of scene.ids()) { const row = byId.get(id), found = counts(row); if (fits(row, found)) marks.push({ ...laid.places[id], color: stateOf(row, found) }); }
    eye.measure(laid, marks);
    const about = section.querySelector("[data-about]");
    if (about && data.run) { about.textContent = data.run.run_id; about.setAttribute("href", `${data.base}${run}`); }
    about?.parentElement?.toggleAttribute("hidden", !data.run);
  }

  /** @param {string} id */
  function tell(id) {
    const row = byId.get(id), found = counts(row), [started, ended, tries] = data.times?.[id] ?? [];
    const lines = [[row.kind === "group" ? gettext("group") : row.operator ?? ""], ...Object.entries(found).map(([state, n]) => [n > 1 ? `${n} ${words(state)}` : words(state), state])];
    if (row.state && !row.kind?.startsWith("asset")) lines.push([gettext("last run {state}", { state: words(row.state) }), row.state]);
    if (row.last && row.at) lines.push([gettext("last {what} {time}", { what: row.last, time: absolute(new Date(row.at)) })]);
    if (row.tooltip) lines.push([row.tooltip]);
    if (started) lines.push([gettext("started {time}", { time: absolute(new Date(started)) })], [took(Boolean(ended), duration(((ended ? Date.parse(ended) : Date.now()) - Date.parse(started)) / 1000), tries)]);
    tipFor(scene.nodes.get(id), row.label === id || row.last ? row.label : `${row.label} · ${id}`, lines.filter(([text]) => text));
  }

  /** @param {string} id */
  function fold(id) {
    if (folds.has(id)) folds.delete(id); else folds.add(id);
    remember(key, JSON.stringify([...folds]));
    build({ around: id });
  }

  const idOf = (/** @type {any} */ target) => (target?.closest?.(".node") ?? target?.closest?.(".node-link")?.querySelector(".node"))?.getAttribute("data-id");
  stage.addEventListener("pointerover", (event) => { const id = idOf(event.target); scene.light(id ?? ""); if (id) tell(id); else hideTip(); });
  canvas.addEventListener("pointerleave", () => { scene.light(""); hideTip(); });
  canvas.addEventListener("pointerdown", hideTip);
  canvas.addEventListener("wheel", hideTip, { passive: true });
  stage.addEventListener("focusin", (event) => {
    const id = idOf(event.target);
    if (!id || !/** @type {Element} */ (event.target).matches(":focus-visible")) return;
    selected = id; scene.light(id);
    if (!eye.isSeen(laid.places[id])) eye.show(laid.places[id]);
  });
  stage.addEventListener("click", (event) => {
    const group = /** @type {Element} */ (event.target).closest("[data-fold]"), id = idOf(event.target);
    if (group) { event.preventDefault(); fold(group.getAttribute("data-fold")); }
    else if (id && /** @type {any} */ (field("traverse"))?.checked && !(event.ctrlKey || event.metaKey || event.shiftKey)) { event.preventDefault(); field("root").value = id; selected = id; changed("root"); }
  });
  stage.addEventListener("keydown", (event) => {
    const { key: pressed, target } = /** @type {KeyboardEvent} */ (event), group = /** @type {Element} */ (target).closest("[data-fold]"), step = STEPS[pressed], at = laid.places[idOf(target)];
    if (group && (pressed === "Enter" || pressed === " ")) { event.preventDefault(); fold(group.getAttribute("data-fold")); }
    if (!step || !at) return;
    event.preventDefault();
    let best = "", least = Infinity;
    for (const id of scene.ids()) {
      const to = laid.places[id], dx = to.x + to.width / 2 - at.x - at.width / 2, dy = to.y + to.height / 2 - at.y - at.height / 2;
      const ahead = dx * step[0] + dy * step[1], beside = Math.abs(dx * step[1]) + Math.abs(dy * step[0]);
      if (ahead > 4 && ahead + 2 * beside < least) { least = ahead + 2 * beside; best = id; }
    }
    if (best) focusOn(best);
  });

  function address() {
    const url = new URL(section.dataset.json, location.href);
    for (const name of ["dependencies", "version_number"]) if (value(name)) url.searchParams.set(name, value(name));
    // Beside a list, it shows what the list is filtered by.
    if (section.hasAttribute("data-follows")) for (const [name, text] of new URLSearchParams(location.search)) if (name !== "dependencies") url.searchParams.append(name, text);
    return url;
  }
  /** @param {string} name  of what was chosen */
  async function changed(name) {
    const query = new URLSearchParams(location.search), root = value("root").trim();
    for (const each of ["root", "filter", "depth", ...FADES, "dependencies", "version_number"]) query.delete(each);
    if (root) { query.set("root", root); query.set("filter", value("filter")); query.set("depth", value("depth")); }
    for (const each of [...FADES, "version_number"]) if (value(each)) query.set(each, value(each));
    if (/** @type {any} */ (field("dependencies"))?.selectedIndex > 0) query.set("dependencies", value("dependencies"));
    history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}`);
    if (FOR_GOOD.includes(name)) remember(`graph ${name}`, value(name));
    if (FADES.includes(name)) { paintAll(); return; }
    if (name === "dependencies" || name === "version_number") { data = await (await ask(address().href)).json(); listen(); }
    for (const each of tools.querySelectorAll("[data-with-root]")) each.toggleAttribute("hidden", !root);
    await build({ fit: true });
  }
  tools.addEventListener("submit", (event) => event.preventDefault());
  tools.addEventListener("change", (event) => { const { name } = /** @type {HTMLSelectElement} */ (event.target); if (name && name !== "traverse") changed(name); });
  // A task that was picked from the list, or typed to its end, need not be confirmed.
  let root = value("root");
  tools.addEventListener("input", (event) => { const now = value("root").trim(); if (/** @type {any} */ (event.target).name === "root" && now !== root && (!now || byId.has(rootId()))) { root = now; selected = rootId(); changed("root"); } });
  section.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target), how = target.closest("[data-zoom]")?.getAttribute("data-zoom"), kind = target.closest("[data-save]")?.getAttribute("data-save");
    if (how === "in") eye.zoom(1.25); if (how === "out") eye.zoom(0.8); if (how === "fit") eye.fit();
    if (how === "selected" && laid.places[selected]) eye.show(laid.places[selected], 1);
    if (kind) scene.reveal(eye.seen(), true);
    if (kind) download(/** @type {any} */ (kind), `${data.base.split("/").pop()}-graph`, view, defs, laid);
    if (target.closest("[data-fold-all]")) { const all = groups(), open = all.some((/** @type {string} */ id) => !folds.has(id)); folds.clear(); if (open) for (const id of all) folds.add(id); remember(key, JSON.stringify([...folds])); build({ fit: true }); }
  });

  document.addEventListener("keydown", (event) => { if ((event.ctrlKey || event.metaKey) && event.shiftKey && event.key.toLowerCase() === "f") { event.preventDefault(); field("root").focus(); } });
  const shape = () => JSON.stringify([data.rows, data.edges]);
  let known = shape();
  const refresh = gently(async () => {
    data = await (await ask(address().href)).json();
    const now = shape();
    if (now === known) { for (const row of data.rows) byId.set(row.id, row); paintAll(); return; }
    known = now;
    await build();
  });
  watch(section.dataset.live, refresh);
  /** @type {(() => void) | null} */
  let others = null;
  /** What lies outside has its states from the runs of other DAGs. */
  function listen() {
    if (value("dependencies") !== "tasks") others ??= watch("dags", refresh); else { others?.(); others = null; }
  }
  listen();
  document.addEventListener("acted", refresh);
  if (section.hasAttribute("data-follows")) alsoRefresh(refresh);
  // How long ago something was goes on.
  setInterval(() => { if (!document.hidden && data.rows.some((/** @type {any} */ row) => row.at)) paintAll(); }, MOVES_ON);
  for (const each of tools.querySelectorAll("[data-with-root]")) each.toggleAttribute("hidden", !value("root"));
  section.querySelector("[data-fold-all]").toggleAttribute("hidden", !groups().length);
  (async () => {
    if (value("dependencies") !== data.dependencies) { data = await (await ask(address().href)).json(); known = shape(); }
    await build({ fit: true });
  })();
}
