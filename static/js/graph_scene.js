// @ts-check
/**
 * What of a laid out graph is in the page: what can be seen, and a little around it. So a thousand tasks cost as much
 * as those on the screen, and what comes into view is made in portions that do not hold up a frame.
 */
import { box, cluster, line } from "./graph_draw.js";
import { svg } from "./svg.js";

const PORTION = 120, AROUND = 0.5, GONE = 1.5;

/**
 * @typedef {{ x: number, y: number, width: number, height: number }} Place
 * @typedef {{ at: Place, make: () => Element, into: Element, element: Element | null, id?: string, piece?: any }} Shape
 */

/** @param {Place} at @param {Place} seen @param {number} more  screens around */
function near(at, seen, more) {
  const dx = seen.width * more, dy = seen.height * more;
  return at.x < seen.x + seen.width + dx && at.x + at.width > seen.x - dx && at.y < seen.y + seen.height + dy && at.y + at.height > seen.y - dy;
}

/** @param {SVGElement} view @param {(id: string, node: Element) => void} paint */
export function sceneOf(view, paint) {
  const clusters = svg("g"), links = svg("g"), boxes = svg("g");
  view.replaceChildren(clusters, links, boxes);
  /** @type {Shape[]} */
  let shapes = [];
  /** Nodes that are in the page. @type {Map<string, Element>} */
  const nodes = new Map();
  /** @type {Map<any, Shape[]>} */
  const outs = new Map(), ins = new Map();
  /** @type {Map<string, Shape>} */
  const boxOf = new Map();
  let lit = "", asked = 0;

  /** @param {Shape} shape */
  function put(shape) {
    shape.element = shape.make();
    if (shape.piece?.lit) shape.element.classList.add("lit");
    shape.into.append(shape.element);
    if (shape.id !== undefined) { const node = shape.element.closest(".node") ?? shape.element.querySelector(".node"); nodes.set(shape.id, node); paint(shape.id, node); }
  }
  /** @param {Shape} shape */
  function take(shape) {
    shape.element.remove();
    shape.element = null;
    if (shape.id !== undefined) nodes.delete(shape.id);
  }

  /** @param {any} laid @param {any[]} rows @param {Set<string>} folds @param {boolean} turned */
  function set(laid, rows, folds, turned) {
    for (const each of [clusters, links, boxes]) each.replaceChildren();
    for (const each of [nodes, outs, ins, boxOf]) each.clear();
    shapes = [];
    for (const row of rows) {
      const at = laid.places[row.id];
      if (!at) continue;
      const closed = row.kind === "group";
      if (closed && !folds.has(row.id)) { shapes.push({ at, into: clusters, element: null, make: () => cluster(row, at) }); continue; }
      const shape = { at, into: boxes, element: null, id: row.id, make: () => box(row, closed, at).element };
      boxOf.set(row.id, shape); shapes.push(shape);
    }
    for (const piece of laid.pieces) {
      const xs = piece.points.map((/** @type {number[]} */ point) => point[0]), ys = piece.points.map((/** @type {number[]} */ point) => point[1]);
      const x = Math.min(...xs), y = Math.min(...ys);
      const shape = { at: { x: x - 2, y: y - 2, width: Math.max(...xs) - x + 4, height: Math.max(...ys) - y + 4 }, into: links, element: null, piece, make: () => line(piece, turned) };
      for (const [ends, key] of /** @type {[Map<any, Shape[]>, any][]} */ ([[outs, piece.a], [ins, piece.b]])) { if (!ends.has(key)) ends.set(key, []); ends.get(key).push(shape); }
      shapes.push(shape);
    }
  }

  /** Show what lies within, a portion now and the rest with the next frames; `all`: everything, now. @param {Place} seen @param {boolean} [all] */
  function reveal(seen, all = false) {
    cancelAnimationFrame(asked);
    let made = 0;
    for (const shape of shapes) {
      if (shape.element) { if (!all && !near(shape.at, seen, GONE) && !shape.element.contains(document.activeElement)) take(shape); }
      else if (all || near(shape.at, seen, AROUND)) {
        if (made >= PORTION && !all) { asked = requestAnimationFrame(() => reveal(seen)); return; }
        made++; put(shape);
      }
    }
  }

  /** A node, brought into the page if it is not. @param {string} id @returns {Element | undefined} */
  function node(id) {
    const shape = boxOf.get(id);
    if (shape && !shape.element) put(shape);
    return nodes.get(id);
  }

  /** Mark the lines of a node; bends and gates of borders lead on to the next tasks. @param {string} id */
  function light(id) {
    if (id === lit) return;
    lit = id;
    for (const shape of shapes) if (shape.piece?.lit) { shape.piece.lit = false; shape.element?.classList.remove("lit"); }
    for (const [ends, far] of id ? /** @type {[Map<any, Shape[]>, "a" | "b"][]} */ ([[outs, "b"], [ins, "a"]]) : []) {
      /** @type {any[]} */
      const pending = [id], been = new Set();
      while (pending.length) for (const shape of ends.get(pending.pop()) ?? []) {
        shape.piece.lit = true; shape.element?.classList.add("lit");
        const next = shape.piece[far];
        if (!boxOf.has(next) && !been.has(next)) { been.add(next); pending.push(next); }
      }
    }
  }
  return { set, reveal, node, light, nodes, ids: () => boxOf.keys(), count: () => boxOf.size };
}
