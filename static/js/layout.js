// @ts-check
/**
 * A graph of tasks in groups as places on a plane. Pure, so that a worker runs it and Node can test it.
 *
 * An open group is laid out by itself and is one item among its neighbours. Lines cross its border at gates: one
 * gate for the tasks inside that the same tasks outside are connected to, so that "group >> group" is one line and
 * still no line says more than the edges it stands for.
 *
 * @typedef {{ id: string, parent: string | null, width: number, height: number, open?: boolean }} Node
 * @typedef {{ from: string, to: string, label?: string, scope?: boolean }} Edge
 * @typedef {{ a: any, b: any, points: number[][], arrow: boolean, scope: boolean, label?: string }} Piece
 *   `points`: straight from the first to the second and from the third to the last, bent between those
 */
import { arrange } from "./layers.js";

const SIDE = 16, TITLE = 30, LOOSE_GAP = 18, TURNED = new Set(["TB", "BT"]), FLIPPED = new Set(["RL", "BT"]);

/**
 * @param {{ nodes: Node[], edges: Edge[], direction: "LR" | "TB" | "RL" | "BT" }} given
 * @returns {{ width: number, height: number, places: Record<string, { x: number, y: number, width: number, height: number }>, pieces: Piece[] }}
 */
export function layout({ nodes, edges, direction }) {
  const turned = TURNED.has(direction), flipped = FLIPPED.has(direction);
  const byId = new Map(nodes.map((node) => [node.id, node]));
  /** @type {Map<string | null, Node[]>} */
  const inside = new Map();
  for (const node of nodes) { const parent = node.parent !== null && byId.has(node.parent) ? node.parent : null; if (!inside.has(parent)) inside.set(parent, []); inside.get(parent).push(node); }
  /** @type {Record<string, any>} */
  const places = {};
  /** @type {Piece[]} */
  const pieces = [];
  let gates = 0;

  /** The child of `parent` that holds a node. @param {string} id @param {string | null} parent */
  function holder(id, parent) {
    let at = id;
    while (byId.get(at).parent !== parent && byId.get(at).parent !== null && byId.has(byId.get(at).parent)) at = byId.get(at).parent;
    return at;
  }

  /** Lay out one group. `gatesIn`, `gatesOut`: gate -> ids inside. @returns {any} */
  function level(/** @type {string | null} */ parent, /** @type {any[]} */ within, /** @type {Map<any, string[]>} */ gatesIn, /** @type {Map<any, string[]>} */ gatesOut) {
    const children = inside.get(parent) ?? [];
    const isGate = (/** @type {any} */ id) => gatesIn.has(id) || gatesOut.has(id);
    const all = [...within];
    for (const [gate, ids] of gatesIn) for (const id of ids) all.push({ from: gate, to: id });
    for (const [gate, ids] of gatesOut) for (const id of ids) all.push({ from: id, to: gate });
    /** @type {Map<string, any[]>} */
    const own = new Map(), between = new Map();
    for (const edge of all) {
      const a = isGate(edge.from) ? edge.from : holder(edge.from, parent), b = isGate(edge.to) ? edge.to : holder(edge.to, parent);
      const [map, key] = a === b ? [own, a] : [between, `${a}\u0000${b}`];
      if (!map.has(key)) map.set(key, []);
      map.get(key).push(a === b ? edge : { ...edge, a, b });
    }
    const ins = new Map(), outs = new Map(), lines = new Map();
    for (const found of between.values()) for (const line of joined(found, ins, outs)) {
      const key = `${line.a}\u0000${line.gateOut ?? ""}\u0000${line.b}\u0000${line.gateIn ?? ""}`, known = lines.get(key);
      if (!known) lines.set(key, line);
      else { known.scope &&= line.scope; if (line.label && !known.label) known.label = line.label; }
    }
    const inner = new Map();
    for (const child of children) if (child.open) inner.set(child.id, level(child.id, own.get(child.id) ?? [], named(ins.get(child.id)), named(outs.get(child.id))));
    return { parent, children, inner, gatesIn, gatesOut, ...stand(children, inner, gatesIn, gatesOut, [...lines.values()]) };
  }

  /** @param {Map<string, any> | undefined} sets */
  const named = (sets) => new Map([...(sets?.values() ?? [])].map((each) => [each.gate, each.ids]));

  /** The edges between two neighbours as lines; ends in an open group share a gate where their other ends are the same. @param {any[]} found @param {Map<any, any>} ins @param {Map<any, any>} outs */
  function* joined(found, ins, outs) {
    const { a, b } = found[0], fromGroup = byId.get(a)?.open, toGroup = byId.get(b)?.open;
    const ends = (/** @type {"from" | "to"} */ mine, /** @type {"from" | "to"} */ theirs) => {
      const other = new Map(), same = new Map();
      for (const edge of found) { if (!other.has(edge[mine])) other.set(edge[mine], []); other.get(edge[mine]).push(edge[theirs]); }
      for (const [id, list] of other) { const key = list.sort().join("\u0000"); if (!same.has(key)) same.set(key, []); same.get(key).push(id); }
      return new Map([...same.values()].map((ids) => ids.sort()).flatMap((ids) => ids.map((/** @type {any} */ id) => [id, ids])));
    };
    const sources = fromGroup ? ends("from", "to") : null, targets = toGroup ? ends("to", "from") : null;
    const gate = (/** @type {Map<any, any>} */ all, /** @type {any} */ group, /** @type {any[]} */ ids) => {
      if (!all.has(group)) all.set(group, new Map());
      const key = ids.join("\u0000"), sets = all.get(group);
      if (!sets.has(key)) sets.set(key, { gate: `@${++gates}`, ids });
      return sets.get(key).gate;
    };
    for (const edge of found) yield {
      a, b, scope: Boolean(edge.scope), label: edge.label,
      gateOut: sources ? gate(outs, a, sources.get(edge.from)) : null, gateIn: targets ? gate(ins, b, targets.get(edge.to)) : null,
    };
  }

  /** Sizes and places inside one group. @param {Node[]} children @param {Map<string, any>} inner @param {Map<any, any>} gatesIn @param {Map<any, any>} gatesOut @param {any[]} found */
  function stand(children, inner, gatesIn, gatesOut, found) {
    const size = (/** @type {Node} */ node) => inner.get(node.id) ?? (turned ? { main: node.height, cross: node.width } : { main: node.width, cross: node.height });
    const touched = new Set(found.flatMap((line) => [line.a, line.b]));
    const tied = children.filter((node) => touched.has(node.id)), loose = children.filter((node) => !touched.has(node.id));
    const items = [
      ...[...gatesIn.keys()].map((id) => ({ id, main: 0, cross: 2, end: /** @type {const} */ ("first") })),
      ...tied.map((node) => ({ id: node.id, main: size(node).main, cross: size(node).cross })),
      ...[...gatesOut.keys()].map((id) => ({ id, main: 0, cross: 2, end: /** @type {const} */ ("last") })),
    ];
    const lines = found.map((line) => ({
      from: line.a, to: line.b, scope: line.scope, label: line.label, own: Boolean(line.label), gateOut: line.gateOut, gateIn: line.gateIn,
      room: line.label ? (turned ? 22 : Math.min(160, line.label.length * 6.4)) : 0,
      fromAt: line.gateOut === null ? 0 : inner.get(line.a).gateAt.get(line.gateOut), toAt: line.gateIn === null ? 0 : inner.get(line.b).gateAt.get(line.gateIn),
    }));
    const made = arrange(items, lines);
    const block = heap(loose.map((node) => ({ id: node.id, ...size(node) })), made.main, made.cross);
    const pad = turned ? { main: flipped ? SIDE : TITLE, cross: SIDE, mains: TITLE + SIDE, crosses: 2 * SIDE } : { main: SIDE, cross: TITLE, mains: 2 * SIDE, crosses: TITLE + SIDE };
    const main = Math.max(made.main, block.main) + pad.mains, cross = (items.length ? made.cross : 0) + (block.cross ? block.cross + (items.length ? LOOSE_GAP : 0) : 0) + pad.crosses;
    const gateAt = new Map([...gatesIn.keys(), ...gatesOut.keys()].map((id) => [id, made.spots.get(id).y + pad.cross - cross / 2]));
    return { made, lines, block, pad, main, cross, gateAt };
  }

  /** Items without lines, as a block below the others. @param {any[]} loose @param {number} main @param {number} cross */
  function heap(loose, main, cross) {
    if (!loose.length) return { main: 0, cross: 0, at: new Map() };
    const area = loose.reduce((sum, each) => sum + (each.main + LOOSE_GAP) * (each.cross + LOOSE_GAP), 0);
    const wide = Math.max(main, Math.sqrt(area) * (turned ? 0.75 : 1.35), ...loose.map((each) => each.main)), at = new Map();
    let x = 0, y = cross ? cross + LOOSE_GAP : 0, tall = 0, most = 0;
    const top = y;
    for (const each of loose) {
      if (x && x + each.main > wide) { x = 0; y += tall + LOOSE_GAP; tall = 0; }
      at.set(each.id, { x, y });
      x += each.main + LOOSE_GAP; tall = Math.max(tall, each.cross); most = Math.max(most, x - LOOSE_GAP);
    }
    return { main: most, cross: y + tall - top, at };
  }

  /** Turn what was laid out from its own corner into places on the whole. @param {any} part @param {number} main @param {number} cross @param {Map<any, any>} ends */
  function put(part, main, cross, ends) {
    const { made, block, pad } = part, x = main + pad.main, y = cross + pad.cross;
    for (const node of part.children) {
      const spot = made.spots.get(node.id), inner = part.inner.get(node.id), size = inner ?? (turned ? { main: node.height, cross: node.width } : { main: node.width, cross: node.height });
      const at = spot ? { x: x + spot.x, y: y + spot.y - spot.half } : { x: x + block.at.get(node.id).x, y: y + block.at.get(node.id).y };
      places[node.id] = { main: at.x, cross: at.y, mains: size.main, crosses: size.cross };
      if (inner) put(inner, at.x, at.y, ends);
    }
    const border = (/** @type {any} */ key) => part.gatesIn.has(key) ? main : part.gatesOut.has(key) ? main + part.main : null;
    for (const line of part.lines) {
      const way = made.ways.get(line);
      for (let i = 1; i < way.length; i++) {
        const first = i === 1, last = i === way.length - 1, a = made.spots.get(way[i - 1]), b = made.spots.get(way[i]);
        const one = first && line.gateOut !== null ? line.gateOut : a.item ? a.key : `${part.parent}|${a.key}`, other = last && line.gateIn !== null ? line.gateIn : b.item ? b.key : `${part.parent}|${b.key}`;
        const key = `${one}\u0000${other}`;
        if (ends.has(key)) { ends.get(key).scope &&= line.scope; continue; }
        const y1 = y + a.y + (first ? line.fromAt : 0), y2 = y + b.y + (last ? line.toAt : 0);
        const piece = {
          a: one, b: other, scope: Boolean(line.scope),
          points: [[border(a.key) ?? x + a.x + (a.item?.main ?? 0), y1], [x + a.right, y1], [x + b.left, y2], [border(b.key) ?? x + b.x, y2]],
          arrow: last && line.gateIn === null && !part.gatesOut.has(b.key), ...(first && line.label ? { label: line.label } : {}),
        };
        ends.set(key, piece);
        pieces.push(/** @type {any} */ (piece));
      }
    }
  }

  const whole = level(null, edges.filter((edge) => byId.has(edge.from) && byId.has(edge.to) && edge.from !== edge.to), new Map(), new Map());
  put(whole, 0, 0, new Map());
  const turn = (/** @type {number} */ main, /** @type {number} */ cross) => { const m = flipped ? whole.main - main : main; return turned ? [cross, m] : [m, cross]; };
  for (const [id, at] of Object.entries(places)) {
    const [x, y] = turn(flipped ? at.main + at.mains : at.main, at.cross);
    places[id] = turned ? { x, y, width: at.crosses, height: at.mains } : { x, y, width: at.mains, height: at.crosses };
  }
  for (const piece of pieces) piece.points = piece.points.map(([main, cross]) => turn(main, cross));
  return turned ? { width: whole.cross, height: whole.main, places, pieces } : { width: whole.main, height: whole.cross, places, pieces };
}
