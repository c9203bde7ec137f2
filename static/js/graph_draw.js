// @ts-check
/** Draws a graph that was laid out: groups, lines and nodes as SVG; and paints states into it. */
import { relative } from "./dates.js";
import { words } from "./tip.js";
import { cut, svg } from "./svg.js";
import { gettext } from "./texts.js";

export const HEIGHT = 44;
const WIDEST = 34;
/** First of these that a group or a mapped task has is its state: as in Airflow. */
const WORST = ["failed", "upstream_failed", "cancelled", "up_for_retry", "up_for_reschedule", "running", "deferred", "awaiting_input", "scheduled", "none", "success", "skipped", "removed"];
const ENDED = ["success", "skipped", "failed", "upstream_failed", "removed", "cancelled"];

/** @param {Record<string, number>} counts */
export function worst(counts) { return WORST.find((state) => counts[state]) ?? ""; }

/** @param {any} row @param {Record<string, number>} counts */
export const stateOf = (row, counts) => row.state || worst(counts) || "none";

/** What stands below the name; of an asset and of another DAG, when it last changed or ran. @param {any} row */
function about(row) {
  if (!row.last) return cut(row.operator ?? "", 36);
  const when = row.at ? `last ${row.last} ${relative((Date.now() - Date.parse(row.at)) / 1000)}` : `no ${row.last} yet`;
  return row.note ? `${row.note} · ${when}` : when;
}

/** @param {any} row @param {boolean} closed */
export function widthOf(row, closed) {
  const extra = (row.mapped || closed ? 96 : 54) + (row.role ? 18 : 0);
  return Math.round(Math.min(300, Math.max(110, cut(row.label, WIDEST).length * 7.6 + extra, (row.last ? 22 + (row.note?.length ?? 0) : cut(row.operator ?? "", 36).length) * 6.2 + 50)));
}

/** @param {any} row @param {boolean} closed @param {{ x: number, y: number, width: number, height: number }} at */
export function box(row, closed, at) {
  const { width, height } = at, outside = row.kind === "asset" || row.kind === "dag" || row.kind === "condition";
  const inside = svg("g", { class: `node${row.mapped || closed ? " many" : ""}${outside ? " outside" : ""}${row.here ? " is-here" : ""}`, "data-id": row.id, transform: `translate(${at.x} ${at.y})` });
  if (row.mapped || closed) inside.append(svg("path", { class: "behind", d: `M6 ${height + 3}h${width - 12}M9 ${height + 6}h${width - 18}` }));
  inside.append(svg("rect", { class: "box", width, height, rx: outside ? 22 : 9 }));
  // An asset is not in a state: it shows what it is instead.
  if (row.kind === "asset") inside.append(svg("path", { class: "role", d: "M-5-4c0-2.7 10-2.7 10 0v8c0 2.7-10 2.7-10 0zM-5-4c0 2.7 10 2.7 10 0M-5 0c0 2.7 10 2.7 10 0", transform: "translate(20 22)" }));
  else if (row.kind !== "condition") inside.append(svg("rect", { class: "tint", x: 10, y: 14, width: 16, height: 16, rx: 5 }), svg("use", { class: "glyph", x: 12, y: 16, width: 12, height: 12 }));
  if (row.kind === "condition") inside.append(svg("text", { x: width / 2, y: height / 2 + 4, "text-anchor": "middle" }, row.label));
  else inside.append(svg("text", { x: 34, y: 19 }, cut(closed ? `+ ${row.label}` : row.label, WIDEST)), svg("text", { class: "sub", x: 34, y: 34 }, closed ? "group" : about(row)));
  if (row.mapped || closed) inside.append(svg("text", { class: "num", x: width - 10, y: 19 }), svg("g", { class: "shares" }));
  if (row.role) inside.append(svg("path", { class: "role", d: row.role === "setup" ? "M-5 4l5-5 5 5M-5 4h10" : "M-5-1l5 5 5-5M-5-1h10", transform: `translate(${width - 16} 30)` }, svg("title", {}, row.role)));
  if (closed || row.kind === "condition") {
    if (closed) for (const [name, value] of Object.entries({ role: "button", tabindex: "0", "data-fold": row.id, "aria-expanded": "false" })) inside.setAttribute(name, value);
    return { node: inside, element: inside };
  }
  return { node: inside, element: svg("a", { href: row.href ?? "#", class: "node-link" }, inside) };
}

/** @param {any} row @param {{ x: number, y: number, width: number, height: number }} at */
export function cluster(row, at) {
  const label = svg("text", { x: 12, y: 19, tabindex: 0, role: "button", "data-fold": row.id, "aria-expanded": "true", "aria-label": gettext("Close group {name}", { name: row.label }) }, `− ${cut(row.label, Math.max(8, Math.floor(at.width / 8)))}`);
  return svg("g", { class: "cluster", "data-id": row.id, transform: `translate(${at.x} ${at.y})` }, svg("rect", { width: at.width, height: at.height, rx: 12 }), label);
}

/** @param {any} piece @param {boolean} turned  top to bottom, or back */
export function line(piece, turned) {
  const [[x0, y0], [x1, y1], [x2, y2], [x3, y3]] = piece.points, group = svg("g", { class: piece.scope ? "link scope" : "link" });
  const bend = turned ? (y2 - y1) / 2 : (x2 - x1) / 2, straight = Math.abs(turned ? x2 - x1 : y2 - y1) < 0.5;
  const middle = straight ? "" : turned ? `C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}` : `C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
  const path = `M${x0} ${y0}L${x1} ${y1}${middle}L${x3} ${y3}`;
  group.append(svg("path", piece.arrow ? { d: path, "marker-end": "url(#tip)" } : { d: path }));
  if (piece.label) group.append(svg("text", { x: (x1 + x2) / 2, y: (y1 + y2) / 2 + (turned ? 4 : -5) }, cut(piece.label, 26)));
  return group;
}

/** Write a node's state: glyph, colour, and of many instances how many are where. @param {Element} node @param {any} row @param {Record<string, number>} counts @param {number} width */
export function paint(node, row, counts, width) {
  const state = stateOf(row, counts), total = Object.values(counts).reduce((a, b) => a + b, 0);
  const text = row.last ? about(row) : "", known = `${state} ${text} ${JSON.stringify(counts)}`;
  if (node.getAttribute("data-painted") === known) return state;
  node.setAttribute("data-painted", known);
  node.setAttribute("data-state", state);
  /** @type {SVGElement} */ (node).style.setProperty("--c", `var(--s-${state})`);
  node.querySelector(".glyph")?.setAttribute("href", `#glyph-${state}`);
  if (text) node.querySelector(".sub").textContent = text;
  const shares = node.querySelector(".shares");
  if (shares) {
    const done = ENDED.reduce((sum, each) => sum + (counts[each] ?? 0), 0);
    node.querySelector(".num").textContent = total > 1 ? `${done}/${total}` : row.mapped ? gettext("mapped") : "";
    let x = 34;
    const room = width - 44;
    shares.replaceChildren(...(total > 1 ? WORST.filter((each) => counts[each]).map((each) => {
      const part = svg("rect", { x, y: HEIGHT - 5, width: Math.max(2, room * counts[each] / total), height: 3 });
      /** @type {SVGElement} */ (part).style.fill = `var(--s-${each})`;
      x += room * counts[each] / total;
      return part;
    }) : []));
  }
  const spoken = total > 1 ? WORST.filter((each) => counts[each]).map((each) => `${counts[each]} ${words(each)}`).join(", ") : words(state);
  const named = node.parentNode instanceof SVGAElement ? node.parentNode : node;
  named.setAttribute("aria-label", row.kind === "condition" ? row.label : `${row.kind === "group" ? gettext("Open group {name}", { name: row.label }) : row.label}, ${row.role ? `${row.role}, ` : ""}${row.kind === "asset" ? row.operator : spoken}${text ? `, ${text}` : ""}`);
  return state;
}
