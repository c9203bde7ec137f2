// @ts-check
/** The graph: tasks in layers, groups that open and close, states that change in place. Laid out by dagre. */
import { Graph, layout } from "../vendor/dagre/dagre.js";
import { ask } from "./fetch.js";
import { worst } from "./grid.js";
import { watch } from "./live.js";
import { gently } from "./refresh.js";
import { recall, remember } from "./store.js";
import { words } from "./tip.js";

const NS = "http://www.w3.org/2000/svg";
const HEIGHT = 44, MANY_TASKS = 60, READABLE = 0.45;

/** @param {string} tag @param {Record<string, string | number>} [attributes] @param {...(Node | string)} inside */
function svg(tag, attributes = {}, ...inside) {
  const element = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...inside);
  return element;
}

/** @param {string} text @param {number} most */
const cut = (text, most) => text.length > most ? `${text.slice(0, most - 1)}…` : text;

/** @param {HTMLElement} section */
export function start(section) {
  let data = JSON.parse(document.getElementById(section.dataset.source).textContent);
  const key = `graph folds ${data.base}`;
  const groups = new Map(data.rows.filter((/** @type {any} */ row) => row.kind === "group").map((/** @type {any} */ row) => [row.id, row]));
  const started = recall(key, "");
  /** @type {Set<string>} */
  const folds = new Set(started ? JSON.parse(started) : data.rows.length > MANY_TASKS ? [...groups.keys()] : []);
  let direction = recall("graph direction", innerWidth < 760 ? "TB" : "LR"), shape = "";
  const canvas = svg("svg", { class: "g", role: "group", "aria-label": "Graph" }), view = svg("g");
  canvas.append(svg("defs", {}, svg("marker", { id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse" }, svg("path", { d: "M1 1l6 3-6 3z", fill: "context-stroke" }))), view);
  section.prepend(canvas);
  /** @type {Map<string, Element>} */
  const nodes = new Map();
  let size = { width: 1, height: 1 }, place = { x: 0, y: 0, k: 1 };

  /** The node that stands for a task or group: itself, or the outermost closed group around it. @param {any} row */
  function shownAs(row) {
    let shown = row.id;
    for (let group = row.group; group; group = groups.get(group)?.group) if (folds.has(group)) shown = group;
    return shown;
  }

  function build() {
    const graph = new Graph({ compound: true, multigraph: false });
    graph.setGraph({ rankdir: direction, nodesep: direction === "LR" ? 16 : 26, ranksep: direction === "LR" ? 54 : 44, edgesep: 10, marginx: 20, marginy: 20, ranker: data.rows.length > 400 ? "longest-path" : "network-simplex" });
    graph.setDefaultEdgeLabel(() => ({}));
    const stands = new Map();
    for (const row of data.rows) {
      stands.set(row.id, shownAs(row));
      if (stands.get(row.id) !== row.id) continue;
      const closed = row.kind === "group" && folds.has(row.id);
      if (row.kind === "group" && !closed) graph.setNode(row.id, { row, cluster: true, label: row.label });
      else graph.setNode(row.id, { row, width: Math.min(300, Math.max(110, cut(row.label, 34).length * 7.6 + (row.mapped || closed ? 96 : 54), (row.operator ?? "").length * 6.2 + 50)), height: HEIGHT });
    }
    for (const row of data.rows) if (row.group && graph.hasNode(row.id) && graph.hasNode(row.group)) graph.setParent(row.id, row.group);
    for (const id of graph.nodes()) { const node = graph.node(id); if (node.cluster && !graph.children(id).length) { graph.removeNode(id); } }
    for (const [from, to, label, kind] of data.edges) {
      const a = stands.get(from), b = stands.get(to);
      if (a !== b && graph.hasNode(a) && graph.hasNode(b)) {
        const known = graph.edge(a, b);
        const text = known?.text || label || "";
        const scope = kind === "scope" && (known?.scope ?? true);
        graph.setEdge(a, b, text ? { scope, text, width: Math.min(160, text.length * 6.2), height: 16, labelpos: "c" } : { scope });
      }
    }
    layout(graph);
    draw(graph);
  }

  /** @param {any} graph */
  function draw(graph) {
    const focused = document.activeElement?.closest?.(".node")?.getAttribute("data-id");
    nodes.clear();
    const clusters = svg("g"), links = svg("g"), boxes = svg("g");
    for (const id of graph.nodes()) {
      const node = graph.node(id);
      if (node.cluster) clusters.append(cluster(id, node)); else boxes.append(box(id, node));
    }
    for (const edge of graph.edges()) links.append(link(graph, edge, graph.edge(edge)));
    view.replaceChildren(clusters, links, boxes);
    const about = graph.graph();
    size = { width: about.width || 1, height: about.height || 1 };
    if (focused) /** @type {any} */ (nodes.get(focused))?.focus();
  }

  /** @param {string} id @param {any} node */
  function cluster(id, node) {
    const label = svg("text", { x: node.x - node.width / 2 + 10, y: node.y - node.height / 2 + 15, tabindex: 0, role: "button", "aria-label": `Close group ${node.row.label}` }, `− ${cut(node.row.label, Math.max(8, Math.floor(node.width / 8)))}`);
    const close = () => fold(id);
    label.addEventListener("click", close);
    label.addEventListener("keydown", (/** @type {any} */ event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); close(); } });
    return svg("g", { class: "cluster" }, svg("rect", { x: node.x - node.width / 2, y: node.y - node.height / 2, width: node.width, height: node.height, rx: 10 }), svg("g", {}, label));
  }

  /** @param {string} id @param {any} node */
  function box(id, node) {
    const { row } = node, closed = row.kind === "group", x = node.x - node.width / 2, y = node.y - node.height / 2;
    const place = svg("g", { class: "node", "data-id": id, transform: `translate(${x} ${y})` });
    place.append(
      svg("rect", { class: "box", width: node.width, height: node.height, rx: 9 }),
      svg("foreignObject", { x: 10, y: 14, width: 16, height: 16 }, document.createElement("i")),
      svg("text", { x: 34, y: 19 }, cut(closed ? `+ ${row.label}` : row.label, 34)),
      svg("text", { class: "sub", x: 34, y: 34 }, closed ? "group" : cut(row.operator, 36)),
      svg("text", { class: "num", x: node.width - 10, y: 19 }, ""),
    );
    place.append(svg("title", {}, row.tooltip ? `${row.id}\n${row.tooltip}` : row.id));
    if (closed) {
      place.setAttribute("role", "button"); place.setAttribute("tabindex", "0"); place.setAttribute("aria-label", `Open group ${row.label}`);
      place.addEventListener("click", () => fold(id));
      place.addEventListener("keydown", (/** @type {any} */ event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); fold(id); } });
      nodes.set(id, place);
      return place;
    }
    const to = svg("a", { href: "#", class: "node-link" }, place);
    place.setAttribute("tabindex", "-1");
    nodes.set(id, place);
    return to;
  }

  /** @param {any} graph @param {any} edge @param {any} about */
  function link(graph, edge, about) {
    const from = graph.node(edge.v), to = graph.node(edge.w), flat = direction === "LR";
    // Edges leave and enter in the middle of a side, and bend in between through the points of the layout.
    const points = [
      flat ? { x: from.x + from.width / 2, y: from.y } : { x: from.x, y: from.y + from.height / 2 },
      ...about.points.slice(1, -1),
      flat ? { x: to.x - to.width / 2 - 2, y: to.y } : { x: to.x, y: to.y - to.height / 2 - 2 },
    ];
    let path = `M${points[0].x} ${points[0].y}`;
    for (let i = 1; i < points.length; i++) {
      const a = points[i - 1], b = points[i], bend = (flat ? b.x - a.x : b.y - a.y) / 2;
      path += flat ? ` C${a.x + bend} ${a.y} ${b.x - bend} ${b.y} ${b.x} ${b.y}` : ` C${a.x} ${a.y + bend} ${b.x} ${b.y - bend} ${b.x} ${b.y}`;
    }
    const group = svg("g", { class: about.scope ? "link scope" : "link", "data-from": edge.v, "data-to": edge.w }, svg("path", { d: path, "marker-end": "url(#tip)" }));
    if (about.text) group.append(svg("text", { x: about.x, y: about.y + 4 }, cut(about.text, 26)));
    return group;
  }

  /** States of a node: of its task, or of all tasks in the closed group. @param {any} row */
  function counts(row) {
    if (row.kind !== "group") return data.states[row.id] ?? {};
    /** @type {Record<string, number>} */
    const found = {};
    for (const other of data.rows) {
      if (other.kind === "group") continue;
      for (let group = other.group; group; group = groups.get(group)?.group) if (group === row.id) for (const [state, n] of Object.entries(data.states[other.id] ?? {})) found[state] = (found[state] ?? 0) + Number(n);
    }
    return found;
  }

  function paint() {
    for (const row of data.rows) {
      const node = nodes.get(row.id);
      if (!node) continue;
      const found = counts(row), state = worst(found), total = Object.values(found).reduce((a, b) => a + b, 0);
      const glyph = /** @type {HTMLElement} */ (node.querySelector("i")), kind = `st st-${state || "none"}`;
      if (glyph.className !== kind) { glyph.className = kind; glyph.title = words(state || "none"); }
      const done = (found.success ?? 0) + (found.skipped ?? 0) + (found.failed ?? 0) + (found.upstream_failed ?? 0) + (found.removed ?? 0) + (found.cancelled ?? 0);
      node.querySelector(".num").textContent = total > 1 ? `${done}/${total}` : row.mapped ? "mapped" : "";
      if (node.parentNode instanceof SVGAElement) {
        const run = data.run ? `/runs/${encodeURIComponent(data.run.run_id)}` : "";
        node.parentNode.setAttribute("href", `${data.base}${run}/tasks/${encodeURIComponent(row.id)}${row.mapped && total > 1 ? "/mapped" : ""}`);
        node.parentNode.setAttribute("aria-label", `${row.label}, ${words(state || "none")}`);
      }
    }
  }

  /** @param {string} id */
  function fold(id) {
    if (folds.has(id)) folds.delete(id); else folds.add(id);
    remember(key, JSON.stringify([...folds]));
    build(); paint();
  }

  function move() { view.setAttribute("transform", `translate(${place.x} ${place.y}) scale(${place.k})`); canvas.style.backgroundPosition = `${place.x}px ${place.y}px`; }
  /** @param {number} [least]  never smaller than this, even if not all is seen */
  function fit(least = 0.05) {
    const box = canvas.getBoundingClientRect();
    const k = Math.max(least, Math.min(1.15, Math.max(0.05, Math.min((box.width - 24) / size.width, (box.height - 24) / size.height))));
    place = { k, x: Math.max(least > 0.1 ? 8 : -1e6, (box.width - size.width * k) / 2), y: (box.height - size.height * k) / 2 };
    move();
  }
  /** @param {number} by @param {number} [x] @param {number} [y] */
  function zoom(by, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
    const k = Math.min(3, Math.max(0.08, place.k * by));
    place = { k, x: x - (x - place.x) * k / place.k, y: y - (y - place.y) * k / place.k };
    move();
  }
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = canvas.getBoundingClientRect();
    if (event.ctrlKey || !event.shiftKey) zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), event.clientX - box.left, event.clientY - box.top);
    else { place.x -= event.deltaY; move(); }
  }, { passive: false });
  /** @type {Map<number, {x: number, y: number}>} */
  const fingers = new Map();
  let moved = 0;
  canvas.addEventListener("pointerdown", (event) => { fingers.set(event.pointerId, { x: event.clientX, y: event.clientY }); moved = 0; });
  addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const dx = event.clientX - before.x, dy = event.clientY - before.y;
    if (fingers.size === 1) { place.x += dx; place.y += dy; moved += Math.abs(dx) + Math.abs(dy); move(); }
    else { const other = [...fingers].find(([id]) => id !== event.pointerId)[1]; const old = Math.hypot(before.x - other.x, before.y - other.y), now = Math.hypot(event.clientX - other.x, event.clientY - other.y); const box = canvas.getBoundingClientRect(); if (old) zoom(now / old, (event.clientX + other.x) / 2 - box.left, (event.clientY + other.y) / 2 - box.top); moved = 9; }
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  for (const name of ["pointerup", "pointercancel"]) addEventListener(name, (event) => fingers.delete(/** @type {PointerEvent} */ (event).pointerId));
  canvas.addEventListener("click", (event) => { if (moved > 6) { event.preventDefault(); event.stopPropagation(); } }, true);
  canvas.addEventListener("dragstart", (event) => event.preventDefault());
  view.addEventListener("pointerover", (event) => {
    const id = /** @type {Element} */ (event.target).closest(".node")?.getAttribute("data-id");
    for (const each of view.querySelectorAll(".link")) each.classList.toggle("lit", Boolean(id) && (each.getAttribute("data-from") === id || each.getAttribute("data-to") === id));
  });
  section.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target), how = target.closest("[data-zoom]")?.getAttribute("data-zoom");
    if (how === "in") zoom(1.25); if (how === "out") zoom(0.8); if (how === "fit") fit();
    if (target.closest("[data-turn]")) { direction = direction === "LR" ? "TB" : "LR"; remember("graph direction", direction); build(); paint(); fit(); }
  });

  function render(fresh = false) {
    const now = JSON.stringify([data.rows, data.edges]);
    if (now !== shape) { shape = now; groups.clear(); for (const row of data.rows) if (row.kind === "group") groups.set(row.id, row); build(); if (fresh) fit(READABLE); }
    paint();
  }
  const refresh = gently(async () => { data = await (await ask(section.dataset.json)).json(); render(); });
  watch(section.dataset.live, refresh);
  document.addEventListener("acted", refresh);
  render(true);
}
