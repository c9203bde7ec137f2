// @ts-check
/**
 * A list of any length of which a few hundred rows are in the page. Rows may have any height. What is above and below
 * is two empty boxes whose heights are guesses: rows that come or go at the top change the upper box by just their
 * height, so that nothing jumps, and it is set right again when scrolling rests. A list that would be taller than
 * browsers allow is squeezed.
 */

const MOST_ROWS = 500, STEP = 80, TALLEST = 12e6;

export class View {
  /** @param {HTMLElement} box @param {{count(): number, row(place: number): HTMLElement | null, load(from: number, to: number): Promise<void>}} source */
  constructor(box, source) {
    this.box = box; this.source = source;
    this.above = document.createElement("div"); this.rows = document.createElement("div"); this.below = document.createElement("div");
    this.above.className = this.below.className = "void";
    box.append(this.above, this.rows, this.below);
    this.from = 0; this.to = 0; this.top = 0; this.busy = false; this.round = 0; this.waits = this.showing = 0; this.held = false;
    box.addEventListener("scroll", () => this.soon(), { passive: true });
    box.addEventListener("pointerdown", () => { this.held = true; });
    addEventListener("pointerup", () => { this.held = false; this.rest(); });
    new ResizeObserver(() => this.soon()).observe(box);
  }

  unit() { return Math.min(20, TALLEST / Math.max(1, this.source.count())); }

  /** @param {number} height */
  setAbove(height) { this.top = height; this.above.style.height = `${height}px`; }
  setBelow() { this.below.style.height = `${Math.max(0, this.source.count() - this.to) * this.unit()}px`; }

  soon() { if (!this.waits) this.waits = requestAnimationFrame(() => { this.waits = 0; this.update(); }); }

  rest() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      if (this.held || this.busy) return;
      const right = this.from * this.unit(), off = right - this.top;
      if (Math.abs(off) > 1) { const at = this.box.scrollTop; this.setAbove(right); this.box.scrollTop = at + off; }
    }, 250);
  }

  /** Bring in what has come near, and let go of what is far. */
  async update() {
    if (this.showing) return;
    if (this.busy) { this.again = true; return; }
    this.busy = true; this.again = false;
    const round = this.round;
    try {
      const { scrollTop, clientHeight } = this.box, end = this.top + this.rows.offsetHeight, count = this.source.count();
      if (!clientHeight) return;
      if (scrollTop + clientHeight < this.top && this.from > 0) await this.jump(Math.floor((scrollTop / this.top) * this.from), round);
      else if (scrollTop > end && this.to < count) await this.jump(this.to + Math.floor(((scrollTop - end) / Math.max(1, this.below.offsetHeight)) * (count - this.to)), round);
      else if (scrollTop < this.top + clientHeight && this.from > 0) await this.grow(Math.max(0, this.from - STEP), this.from, round);
      else if (scrollTop + clientHeight > end - clientHeight && this.to < count) await this.grow(this.to, Math.min(count, this.to + STEP), round);
      else { this.rest(); return; }
      this.again = true;
    } catch { /* the next scroll or hint tries again */ this.again = false; } finally { this.busy = false; if (this.again) this.soon(); }
  }

  /** @param {number} from @param {number} to */
  fragment(from, to) {
    const found = document.createDocumentFragment();
    for (let place = from; place < to; place++) { const row = this.source.row(place); if (!row) break; found.append(row); }
    return found;
  }

  /** @param {number} from @param {number} to @param {number} round */
  async grow(from, to, round) {
    const upwards = to === this.from;
    await this.source.load(from, to);
    if (round !== this.round || (upwards ? to !== this.from : from !== this.to)) return;  // others were quicker
    const batch = this.fragment(from, to), many = batch.childElementCount;
    if (!many) { this.again = false; throw new Error("no rows"); }
    const before = this.rows.offsetHeight;
    if (upwards) {
      if (many < to - from) throw new Error("no rows");
      this.rows.prepend(batch);
      this.from = from;
      this.lift(this.rows.offsetHeight - before);
      while (this.to - this.from > MOST_ROWS) { this.rows.lastElementChild.remove(); this.to--; }
    } else {
      this.rows.append(batch);
      this.to += many;
      const over = this.to - this.from - MOST_ROWS;
      if (over > 0) {
        const first = /** @type {HTMLElement} */ (this.rows.children[0]), kept = /** @type {HTMLElement} */ (this.rows.children[over]), gone = kept.offsetTop - first.offsetTop;
        for (let i = 0; i < over; i++) this.rows.firstElementChild.remove();
        this.from += over;
        this.setAbove(this.top + gone);
      }
    }
    this.setBelow();
  }

  /** Rows of this height came in at the top: take it from the upper box, or else move along. @param {number} height */
  lift(height) {
    const at = this.box.scrollTop;
    let next = this.top - height;
    if (this.from === 0) next = 0; else if (next < 0) next = this.from * this.unit();
    const moved = next + height - this.top;
    this.setAbove(next);
    if (Math.abs(moved) > 0.5) this.box.scrollTop = at + moved;
  }

  /** The scroll bar was taken far away: show what belongs there, without moving the bar. @param {number} place @param {number} round */
  async jump(place, round) {
    const count = this.source.count(), first = Math.max(0, Math.min(place, count - 1) - 30), last = Math.min(count, first + 150);
    await this.source.load(first, last);
    if (round !== this.round) return;
    const at = this.box.scrollTop;
    this.put(first, last);
    const target = /** @type {HTMLElement | undefined} */ (this.rows.children[Math.min(place, count - 1) - first]);
    const inside = target ? target.offsetTop - this.rows.offsetTop : 0;
    this.setAbove(this.from === 0 ? 0 : Math.max(0, at - inside));
    this.setBelow();
    this.box.scrollTop = this.from === 0 ? inside : at;
  }

  /** @param {number} from @param {number} to */
  put(from, to) {
    const batch = this.fragment(from, to), many = batch.childElementCount;
    this.rows.replaceChildren(batch);
    this.from = from; this.to = from + many;
  }

  /** Show the row of a place. @param {number} place @param {"middle" | "top" | "end"} where @param {number} [offset] */
  async show(place, where, offset = 0) {
    const round = ++this.round, count = this.source.count();
    const first = Math.max(0, Math.min(place, count - 1) - 100), last = Math.min(count, first + 220);
    this.showing++;
    try { await this.source.load(first, last); } finally { this.showing--; }
    if (round !== this.round) return null;
    this.put(first, last);
    this.setAbove(this.from * this.unit());
    this.setBelow();
    const target = /** @type {HTMLElement | undefined} */ (this.rows.children[Math.max(0, Math.min(place, count - 1) - first)]);
    if (where === "end") this.box.scrollTop = this.box.scrollHeight;
    else if (target) this.box.scrollTop = target.offsetTop - (where === "middle" ? Math.max(0, (this.box.clientHeight - target.offsetHeight) / 2) : offset);
    this.soon();
    return target ?? null;
  }

  /** More has come at the end. @param {boolean} follow */
  async grown(follow) {
    const round = this.round;
    if (follow) {
      const count = this.source.count();
      if (count - this.to > 300 || this.to > count) { await this.show(count - 1, "end"); return; }
      while (this.to < this.source.count() && round === this.round) await this.grow(this.to, Math.min(this.source.count(), this.to + STEP), round);
      this.box.scrollTop = this.box.scrollHeight;
    } else { this.setBelow(); this.soon(); }
  }

  clear() { this.round++; this.from = this.to = 0; this.rows.replaceChildren(); this.setAbove(0); this.below.style.height = "0"; }

  /** The place of the first row in view, and how far it is below the upper edge. */
  inView() {
    const at = this.box.scrollTop;
    for (let i = 0; i < this.rows.children.length; i++) { const row = /** @type {HTMLElement} */ (this.rows.children[i]); if (row.offsetTop + row.offsetHeight > at) return { place: this.from + i, offset: row.offsetTop - at }; }
    return { place: this.from, offset: 0 };
  }

  atEnd() { return this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 24; }
}
