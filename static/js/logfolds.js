// @ts-check
/** Which lines of a log the closed groups hide: from the place in the list that is shown to the line of the log, and back. */

export class Folds {
  constructor() {
    /** @type {Map<number, {start: number, end: number | null, title: string, depth: number, parent: number | null}>} */
    this.groups = new Map();
    /** @type {number[]} */
    this.open = [];
    /** @type {Map<number, boolean>} */
    this.chosen = new Map();
    this.all = false;
    this.count = 0;
    /** @type {Set<number>} */
    this.ends = new Set();
    /** Hidden stretches: first line, the line behind, how many lines are hidden before. @type {[number, number, number][]} */
    this.hidden = [];
  }

  /** @param {[number, boolean, string][]} marks @param {boolean} live  they were just written: what is being read stays open */
  add(marks, live) {
    const before = new Set(this.open);
    for (const [line, begins, title] of marks) {
      if (begins) {
        const parent = this.open.at(-1) ?? null;
        this.open.push(line);
        this.groups.set(line, { start: line, end: null, title, depth: this.open.length, parent });
      } else if (this.open.length) {
        const start = /** @type {number} */ (this.open.pop());
        if (live && before.has(start) && this.isOpen(start)) this.chosen.set(start, true);
        this.groups.get(start).end = line;
        this.ends.add(line);
      }
    }
    this.count += marks.length;
    if (marks.length) this.arrange();
  }

  /** A group whose end is not there yet is what is being written now. @param {number} start */
  isOpen(start) { return this.chosen.get(start) ?? (this.all || this.groups.get(start).end === null); }

  /** @param {number} start */
  toggle(start) { this.chosen.set(start, !this.isOpen(start)); this.arrange(); }

  toggleAll() { this.all = ![...this.groups.keys()].every((start) => this.isOpen(start)); this.chosen.clear(); if (!this.all) for (const start of this.groups.keys()) this.chosen.set(start, false); this.arrange(); }

  /** Open whatever hides a line. @param {number} line @returns {boolean} whether something changed */
  reveal(line) {
    let changed = false;
    for (const group of this.groups.values()) {
      if (group.start < line && (group.end ?? Infinity) >= line && !this.isOpen(group.start)) { this.chosen.set(group.start, true); changed = true; }
    }
    if (changed) this.arrange();
    return changed;
  }

  /** @param {number} line */
  depth(line) {
    let low = 0, high = this.order.length;
    while (low < high) { const middle = (low + high) >> 1; if (this.order[middle].start < line) low = middle + 1; else high = middle; }
    for (let group = this.order[low - 1]; group; group = group.parent === null ? undefined : this.groups.get(group.parent)) if ((group.end ?? Infinity) > line) return group.depth;
    return 0;
  }

  arrange() {
    this.order = [...this.groups.values()].sort((a, b) => a.start - b.start);
    /** @type {[number, number][]} */
    const found = [...this.ends].map((line) => [line, line + 1]);
    for (const group of this.order) if (!this.isOpen(group.start)) found.push([group.start + 1, group.end === null ? Number.MAX_SAFE_INTEGER : group.end + 1]);
    found.sort((a, b) => a[0] - b[0]);
    this.hidden = [];
    let before = 0;
    for (const [from, to] of found) {
      const last = this.hidden.at(-1);
      if (last && from <= last[1]) { before += Math.max(0, to - last[1]); last[1] = Math.max(last[1], to); } else { this.hidden.push([from, to, before]); before += to - from; }
      if (to >= Number.MAX_SAFE_INTEGER) break;
    }
  }

  /** @type {{start: number, end: number | null, title: string, depth: number, parent: number | null}[]} */
  order = [];

  /** How many of `total` lines are shown. @param {number} total */
  shown(total) { return this.placeOf(total); }

  /** The line at a place of what is shown. @param {number} place */
  lineOf(place) {
    let low = 0, high = this.hidden.length;
    while (low < high) { const middle = (low + high) >> 1, [from, , before] = this.hidden[middle]; if (from - before <= place) low = middle + 1; else high = middle; }
    if (!low) return place;
    const [from, to, before] = this.hidden[low - 1];
    return place + before + (to - from);
  }

  /** The place of a line; of a hidden one, that of what comes next. @param {number} line */
  placeOf(line) {
    let low = 0, high = this.hidden.length;
    while (low < high) { const middle = (low + high) >> 1; if (this.hidden[middle][0] <= line) low = middle + 1; else high = middle; }
    if (!low) return line;
    const [from, to, before] = this.hidden[low - 1];
    return line < to ? from - before : line - before - (to - from);
  }
}
