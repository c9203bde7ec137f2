// @ts-check
/**
 * The grid as elements. Every row's name is there, so that the browser's own search finds it; cells are there only for
 * rows and runs in view, so that a year of a thousand tasks scrolls as lightly as a week of ten. Rows stand in blocks, each
 * of which the browser lays out and paints as a whole or, out of view, not at all: to look at each of a thousand rows in
 * every frame took longer than to draw those in view.
 */
import { absolute, duration } from "./dates.js";
import { seconds, total, WORST, worst } from "./grid_model.js";
import { draw } from "./grid_sprites.js";
import { words } from "./tip.js";
import { gettext } from "./texts.js";

const BAR = 64, STEP = 4, AROUND = 4, BLOCK = 20, CELL = 24; // the least size of what is clicked, by WCAG 2.2

/** @param {string} tag @param {string} [kind] */
function make(tag, kind) { const element = document.createElement(tag); if (kind) element.className = kind; return element; }

/** A cell with nothing in it yet: copies of it cost half of what making each anew does. @param {string} tag */
function blank(tag) { const cell = make(tag); cell.dataset.cell = ""; cell.tabIndex = -1; cell.setAttribute("role", "gridcell"); return cell; }
const LINK = blank("a"), PLAIN = blank("span");

/** @typedef {{ row: any, box: HTMLElement, cells: HTMLElement[], from: number, holder: HTMLElement, opener?: Element | null }} Line */
/** @typedef {{ box: HTMLElement, lines: Line[], seen: number }} Block */

export class View {
  /** @param {HTMLElement} grid @param {HTMLElement} scroll @param {import("./grid_model.js").Model} model */
  constructor(grid, scroll, model) {
    this.grid = grid; this.scroll = scroll; this.model = model; this.from = 0; this.to = 0;
    /** Widths in pixels, known here so that nothing has to be laid out to ask. */
    this.names = 0; this.room = 0;
    /** @type {Map<string, Line>} */
    this.lines = new Map();
    /** @type {Block[]} */
    this.blocks = [];
    /** Keys of the rows one sees, top to bottom. @type {string[]} */
    this.order = [];
    /** Rows whose cells are there. @type {Set<Line>} */
    this.filled = new Set();
    /** Cells that are picked, by what the server calls them. @type {Set<string>} */
    this.picked = new Set();
    /** The row of each cell. @type {WeakMap<Element, Line>} */
    this.where = new WeakMap();
    /** The cell that Tab leads to. @type {HTMLElement | null} */
    this.tab = null;
    this.lit = make("div", "g-col"); this.lit.hidden = true; this.lit.setAttribute("role", "presentation");
    draw(grid, WORST);
    let asked = false;
    scroll.addEventListener("scroll", () => { if (!asked) { asked = true; requestAnimationFrame(() => { asked = false; this.look(); }); } }, { passive: true });
    addEventListener("resize", () => { this.#widen(); this.#size(); this.look(); });
  }

  /** Have the rows and columns of the model. Rows that were there stay: a thousand of them take a while. */
  build() {
    const before = this.lines, rows = this.model.lines();
    const lines = rows.map((row) => { const known = before.get(row.key); return known?.row === row ? known : this.#line(row); });
    const same = this.head !== undefined && lines.length === before.size && lines.every((line) => before.get(line.row.key) === line);
    if (!same) {
      this.lines = new Map(lines.map((line) => [line.row.key, line]));
      for (const line of before.values()) if (this.lines.get(line.row.key) !== line) this.filled.delete(line);
      this.head ??= this.#head();
      this.blocks = Array.from({ length: Math.ceil(lines.length / BLOCK) }, (_, at) => this.#block(lines.slice(at * BLOCK, (at + 1) * BLOCK)));
      this.grid.replaceChildren(this.lit, this.head.box, ...this.blocks.map((block) => block.box));
      this.#widen();
    }
    for (const line of lines) if (line.opener) line.opener.setAttribute("aria-expanded", String(this.model.opened.has(line.row.id)));
    this.#measure(); this.look(true);
  }

  /** @param {Line[]} lines @returns {Block} */
  #block(lines) {
    const box = make("div", "g-block");
    box.setAttribute("role", "rowgroup"); box.append(...lines.map((line) => line.box));
    const block = { box, lines, seen: -1 };
    this.#tall(block, lines.filter((line) => !line.box.hidden).length);
    return block;
  }

  /** Say how high a block is while it is not laid out. @param {Block} block @param {number} seen  so many of its rows are */
  #tall(block, seen) {
    if (block.seen === seen) return;
    block.seen = seen; block.box.hidden = !seen;
    block.box.style.containIntrinsicHeight = `${seen * CELL}px`;
  }

  /** Columns came or went on the left; what is in view stays there. @param {number} by */
  shift(by) {
    for (const line of this.filled) line.from += by;
    this.#bare(this.head);
    this.from = this.to = -1;
    this.#measure(); this.#size();
    this.scroll.scrollLeft += by * CELL;
    this.look();
  }

  /** Where a cell stands. @param {Element | null | undefined} cell @returns {[Line, number] | undefined} */
  at(cell) {
    const line = cell ? this.where.get(cell) : undefined, place = line ? line.cells.indexOf(/** @type {HTMLElement} */ (cell)) : -1;
    return line && place >= 0 ? [line, line.from + place] : undefined;
  }

  /** @param {Line} line @param {number} column */
  cell(line, column) { return line.cells[column - line.from]; }

  /** Show those runs that are in view, and some beside them. @param {boolean} [anew]  columns are others now */
  look(anew = false) {
    const count = this.model.runs.length;
    if (anew) this.#size();
    const wide = Math.ceil(Math.max(0, this.room - this.names) / CELL), first = Math.floor(this.scroll.scrollLeft / CELL);
    const from = Math.max(0, Math.floor(first / STEP) * STEP - STEP), to = Math.min(count, Math.ceil((first + wide) / STEP) * STEP + STEP);
    const moved = anew || from !== this.from || to !== this.to;
    this.from = from; this.to = to;
    if (anew) for (const line of [this.head, ...this.filled]) this.#bare(line);
    this.#rows();
    if (!moved) return;
    this.fill(this.head);
    for (const line of this.filled) this.fill(line);
    if (anew) this.rove();  // the cell that Tab reached has gone with all others
  }

  /** Have cells in the rows in view and some around them: as all are as high, it is known which they are. */
  #rows() {
    const first = Math.max(0, Math.floor(this.scroll.scrollTop / CELL) - AROUND), last = first + Math.ceil(this.scroll.clientHeight / CELL) + 2 * AROUND;
    const wanted = new Set(this.order.slice(first, last).map((key) => this.lines.get(key)));
    for (const line of this.filled) if (!wanted.has(line) && !line.box.contains(document.activeElement)) this.empty(line);
    for (const line of wanted) if (line && !this.filled.has(line)) this.fill(line);
  }

  /** As wide as all runs are, said once for the whole: rows that knew it each were each laid out anew. */
  #size() {
    const count = this.model.runs.length;
    this.room = this.scroll.clientWidth;
    this.grid.style.width = `${this.names + count * CELL}px`;
    this.grid.setAttribute("aria-colcount", String(count + 1));
  }

  /** @param {Line} line */
  #bare(line) { line.holder.replaceChildren(); line.cells = []; }

  /** Have exactly the cells of the runs in view. @param {Line} line */
  fill(line) {
    if (line !== this.head) this.filled.add(line);
    const { cells, holder } = line;
    while (cells.length && line.from < this.from) { cells.shift().remove(); line.from++; }
    while (cells.length && line.from + cells.length > this.to) cells.pop().remove();
    if (!cells.length) line.from = this.from;
    const before = this.#cells(line, this.from, line.from), after = this.#cells(line, line.from + cells.length, this.to);
    holder.prepend(...before); holder.append(...after);
    cells.unshift(...before); cells.push(...after);
    line.from = this.from;
    holder.style.paddingLeft = `${this.from * CELL}px`;  // each by itself: a property of the whole grid would restyle every row
  }

  /** @param {Line} line */
  empty(line) { this.#bare(line); this.filled.delete(line); }

  /** @param {Line} line @param {number} from @param {number} to */
  #cells(line, from, to) {
    const found = [];
    for (let column = from; column < to; column++) {
      const cell = line === this.head ? this.#bar(column) : /** @type {HTMLElement} */ ((line.row.kind === "group" || line.row.kind === "more" ? PLAIN : LINK).cloneNode());
      this.where.set(cell, line);
      found.push(cell);
      if (line !== this.head) this.paintCell(line.row, cell, this.model.runs[column]);
    }
    return found;
  }

  #head() {
    const box = make("div", "g-row g-head"), name = make("div", "g-name"), axis = make("div", "axis"), holder = make("div", "g-cells");
    box.setAttribute("role", "row"); name.setAttribute("role", "columnheader");
    const zero = make("span"); zero.textContent = "0s";
    this.marks = [make("span"), make("span")];
    axis.append(...this.marks, zero); name.append(axis); box.append(name, holder);
    return { row: { key: "head", kind: "head" }, box, holder, cells: [], from: 0 };
  }

  /** How high a bar may be, and what that stands for. */
  #measure() {
    this.longest = Math.max(1, ...this.model.runs.map(seconds));
    this.marks.forEach((mark, at) => { mark.textContent = duration(this.longest / (at + 1)); });
  }

  /** @param {number} column */
  #bar(column) {
    const run = this.model.runs[column], before = this.model.runs[column - 1], link = /** @type {HTMLAnchorElement} */ (make("a", "g-bar"));
    link.dataset.cell = ""; link.tabIndex = -1;
    link.href = `${this.model.base}/runs/${encodeURIComponent(run.run_id)}`; link.setAttribute("role", "columnheader");
    if (before && before.version !== run.version) { const mark = make("span", "ver"), text = make("b"); text.textContent = `v${run.version}`; mark.append(text); link.append(mark); }
    link.append(make("i", "b"), make("i", `ic kind ic-kind-${run.type}`));
    if (run.note) link.append(make("i", "has-note"));
    if (run.late) link.append(make("i", "is-late"));
    this.#paintBar(link, run);
    return link;
  }

  /** @param {HTMLElement} link @param {any} run */
  #paintBar(link, run) {
    const bar = /** @type {HTMLElement} */ (link.querySelector(".b"));
    bar.className = `b b-${run.state}`;
    bar.style.height = `${Math.max(4, Math.round(seconds(run) / this.longest * BAR))}px`;
    const also = `${run.note ? `, ${gettext("has a note")}` : ""}${run.late ? `, ${gettext("missed a deadline")}` : ""}`;
    link.setAttribute("aria-label", `${gettext("Run {time}", { time: absolute(new Date(run.at)) })}, ${run.type.replaceAll("_", " ")}, ${words(run.state)}${also}`);
  }

  /** @param {any} row @returns {Line} */
  #line(row) {
    const box = make("div", "g-row"), name = make("div", `g-name${row.kind === "group" ? " is-group" : ""}${row.former ? " former" : ""}${row.kind === "instance" ? " is-instance" : ""}`), holder = make("div", "g-cells");
    box.setAttribute("role", "row"); box.dataset.key = row.key;
    name.style.setProperty("--depth", row.depth); name.setAttribute("role", "rowheader"); name.title = row.operator ? `${row.id} · ${row.operator}` : row.id;
    if (row.kind === "group") {
      const button = make("button"); button.textContent = row.label; button.dataset.group = row.id; button.setAttribute("type", "button");
      name.append(button);
    } else {
      const link = /** @type {HTMLAnchorElement} */ (make("a")), run = this.model.runs.at(-1);
      link.href = row.kind === "more" && run ? `${this.model.base}/runs/${encodeURIComponent(run.run_id)}/tasks/${encodeURIComponent(row.id)}/mapped` : `${this.model.base}/tasks/${encodeURIComponent(row.id)}`;
      link.textContent = row.label; name.append(link);
    }
    if (row.role) { const mark = make("small"); mark.textContent = row.role; name.append(mark); }
    if (row.mapped && row.kind !== "group") {
      const button = make("button", "open");
      button.textContent = gettext("mapped"); button.dataset.task = row.id; button.setAttribute("type", "button");
      button.setAttribute("aria-label", gettext("Instances of {name}", { name: row.id })); button.title = gettext("Show its instances");
      name.append(button);
    } else if (row.mapped) { const mark = make("small"); mark.textContent = gettext("mapped"); name.append(mark); }
    box.append(name, holder);
    return { row, box, holder, cells: [], from: 0, opener: box.querySelector("button.open") };
  }

  /** What the server calls a cell that can be picked; nothing where there is none. @param {any} row @param {any} run */
  pickKey(row, run) {
    if (row.kind === "group" || row.kind === "more" || row.kind === "head" || !total(this.model.counts(row, run))) return "";
    return `${run.pk}:${row.id}${row.kind === "instance" ? `:${row.index}` : ""}`;
  }

  /** @param {any} row @param {HTMLElement} cell @param {any} run */
  paintCell(row, cell, run) {
    if (row.kind === "more") return;
    const counts = this.model.counts(row, run), state = worst(counts), many = total(counts);
    const isPicked = this.picked.size > 0 && this.picked.has(this.pickKey(row, run));
    const kind = `${state ? `c st-${state}${row.kind === "group" || (row.mapped && many > 1) ? " many" : ""}` : ""}${isPicked ? " picked" : ""}`;
    if (isPicked !== (cell.getAttribute("aria-selected") === "true")) { if (isPicked) cell.setAttribute("aria-selected", "true"); else cell.removeAttribute("aria-selected"); }
    if (cell.className !== kind || !cell.hasAttribute("aria-label")) {
      cell.className = kind;
      cell.setAttribute("aria-label", state ? `${row.label}, ${words(state)}${many > 1 ? `, ${gettext("{count} instances", { count: many })}` : ""}` : `${row.label}, ${gettext("not in this run")}`);
    }
    if (cell instanceof HTMLAnchorElement) {
      if (!state) cell.removeAttribute("href");
      else { const to = this.model.address(row, run, counts); if (cell.getAttribute("href") !== to) cell.href = to; }
    }
  }

  /** Paint the runs that changed. @param {Set<number>} pks */
  paint(pks) {
    const before = this.longest;
    this.#measure();
    this.model.runs.forEach((run, column) => {
      if (column < this.from || column >= this.to) return;
      const bar = this.cell(this.head, column);
      if (bar && (before !== this.longest || pks.has(run.pk))) this.#paintBar(bar, run);
      if (pks.has(run.pk)) for (const line of this.filled) { const cell = this.cell(line, column); if (cell) this.paintCell(line.row, cell, run); }
    });
  }

  /** Let only some rows be seen. @param {Set<string>} keys @param {Set<string>} folds */
  show(keys, folds) {
    const before = this.order, top = this.scroll.scrollTop, at = Math.floor(top / CELL);
    this.order = [];
    for (const [key, line] of this.lines) {
      const seen = keys.has(key);
      if (line.box.hidden === seen) line.box.hidden = !seen;
      if (seen) this.order.push(key);
      if (line.row.kind === "group") line.box.querySelector("button").setAttribute("aria-expanded", String(!folds.has(line.row.id)));
    }
    for (const block of this.blocks) this.#tall(block, block.lines.filter((line) => keys.has(line.row.key)).length);
    this.grid.setAttribute("aria-rowcount", String(this.order.length + 1));
    if (this.to > this.from) { if (top) this.#stay(before.slice(0, at + 1), top - at * CELL); this.#rows(); }
    this.rove();
  }

  /**
   * Keep what is at the top of the view there though rows above it came or went. The browser would do so only after cells
   * were made for whatever stands there meanwhile, and for what stood there once more. @param {string[]} above @param {number} rest
   */
  #stay(above, rest) {
    const places = new Map(this.order.map((key, place) => [key, place]));
    const kept = above.findLastIndex((key) => places.has(key));
    if (kept >= 0) this.scroll.scrollTop = places.get(above[kept]) * CELL + (kept === above.length - 1 ? rest : 0);
  }

  /** One cell can be reached with Tab; arrows lead on. */
  rove() {
    const known = this.at(this.tab);
    if (known && known[0].box.isConnected && !known[0].box.hidden) return;  // rows that were built anew have other cells
    const line = this.lines.get(this.order[0]);
    if (!line || !this.model.runs.length) return;
    this.fill(line);
    this.#lead(line.cells.at(-1));
  }

  /** @param {HTMLElement | undefined} cell */
  #lead(cell) {
    if (this.tab) this.tab.tabIndex = -1;
    this.tab = cell ?? null;
    if (cell) cell.tabIndex = 0;
  }

  /** Bring a cell into view and give it the focus. @param {Line} line @param {number} column */
  focus(line, column) {
    const left = column * CELL, room = this.room - this.names;
    if (left < this.scroll.scrollLeft) this.scroll.scrollLeft = left;
    if (left + CELL > this.scroll.scrollLeft + room) this.scroll.scrollLeft = left + CELL - room;
    this.look(); this.fill(line);
    const cell = this.cell(line, column);
    if (!cell) return;
    this.#lead(cell); cell.focus({ preventScroll: true });
    if (line !== this.head) line.box.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** @param {number | null} column */
  light(column) {
    this.lit.hidden = column === null;
    if (column !== null) this.lit.style.setProperty("--at", String(column));
  }

  #widen() {
    const narrow = innerWidth < 760;
    const longest = Math.max(12, ...[...this.lines.values()].map(({ row }) => row.label.length + row.depth * 2 + (row.mapped || row.role ? 9 : 0)));
    const names = Math.round(Math.min(narrow ? 150 : 380, Math.max(narrow ? 120 : 200, longest * 7.4 + 44)));
    if (names !== this.names) { this.names = names; this.grid.style.setProperty("--names", `${names}px`); }
  }
}
