// @ts-check
/** Which tasks of a graph are shown: those near one task, and as what where groups are closed. Pure. */

/** @typedef {{ root: string, filter: string, depth: number }} Choice  filter: upstream, downstream or both */

/**
 * The tasks up to `depth` steps away from a task or from what a group holds; everything where there is no root.
 *
 * @param {any[]} rows @param {any[][]} edges @param {Choice} choice @returns {Set<string> | null}
 */
export function near(rows, edges, { root, filter, depth }) {
  const parents = new Map(rows.map((row) => [row.id, row.group]));
  const within = (/** @type {any} */ row) => { for (let at = row.group; at; at = parents.get(at)) if (at === root) return true; return false; };
  const start = rows.filter((row) => row.kind !== "group" && (row.id === root || within(row)));
  if (!root || !start.length) return null;
  const found = new Set(start.map((row) => row.id));
  for (const [from, to] of [[0, 1], [1, 0]]) {
    if (filter === (from ? "downstream" : "upstream")) continue;
    const beside = new Map();
    for (const edge of edges) { if (!beside.has(edge[from])) beside.set(edge[from], []); beside.get(edge[from]).push(edge[to]); }
    let at = start.map((row) => row.id);
    for (let step = 0; step < depth && at.length; step++) {
      const next = new Set(at.flatMap((id) => beside.get(id) ?? []).filter((id) => !found.has(id)));
      for (const id of next) found.add(id);
      at = [...next];
    }
  }
  return found;
}

/**
 * Nodes and edges to lay out: a closed group stands for what it holds.
 *
 * @param {any[]} rows @param {any[][]} edges @param {{ folds: Set<string>, only: Set<string> | null, widthOf: (row: any, closed: boolean) => number, height: number }} how
 */
export function shown(rows, edges, { folds, only, widthOf, height }) {
  const byId = new Map(rows.map((row) => [row.id, row])), stands = new Map(), full = new Set();
  for (const row of rows) {
    let at = row.id;
    for (let group = row.group; group; group = byId.get(group)?.group) if (folds.has(group)) at = group;
    stands.set(row.id, at);
    if (row.kind !== "group" && (!only || only.has(row.id))) for (let group = row.group; group; group = byId.get(group)?.group) full.add(group);
  }
  const nodes = [];
  for (const row of rows) {
    const group = row.kind === "group";
    if (stands.get(row.id) !== row.id || (group ? !full.has(row.id) : only && !only.has(row.id))) continue;
    const closed = group && folds.has(row.id);
    nodes.push({ id: row.id, parent: row.group ?? null, width: widthOf(row, closed), height, open: group && !closed });
  }
  const there = new Set(nodes.map((node) => node.id)), kept = new Map();
  for (const [from, to, label, kind] of edges) {
    if (only && !(only.has(from) && only.has(to))) continue;
    const a = stands.get(from), b = stands.get(to), key = `${a}\u0000${b}`, known = kept.get(key);
    if (a === b || !there.has(a) || !there.has(b)) continue;
    if (known) { known.scope &&= kind === "scope"; known.label ||= label || ""; }
    else kept.set(key, { from: a, to: b, label: label || "", scope: kind === "scope" });
  }
  return { nodes, edges: [...kept.values()] };
}
