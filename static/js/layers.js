// @ts-check
/**
 * Items in layers: each after what it follows, with few crossings and straight lines. Pure: no page, no clock.
 *
 * The layers go along x ("main"), the items of one stand along y ("cross"). Lines over several layers bend at
 * points of their own; those of one source, or of one target, share them, so that a wide fan is one trunk.
 *
 * @typedef {{ id: any, main: number, cross: number, end?: "first" | "last" }} Item  sizes along both axes
 * @typedef {{ from: any, to: any, fromAt?: number, toAt?: number, room?: number, own?: boolean, back?: boolean }} Line
 *   `fromAt`, `toAt`: where on its item it ends, from the item's middle; `room`: of a label on it
 * @typedef {{ key: any, item: Item | null, layer: number, half: number, y: number, x: number, left: number, right: number }} Spot
 *   `left`, `right`: of its layer, where lines may turn without running into a wider neighbour
 */

const SWEEPS = 8, PLACINGS = 10, GAP = 18, BEND_GAP = 10, BETWEEN = 56, TO_EDGE = 26;

/** @param {Item[]} items @param {Line[]} lines @returns {Map<any, number>} the layer of each item */
function rank(items, lines) {
  const after = new Map(items.map((each) => [each.id, /** @type {Line[]} */ ([])])), missing = new Map(items.map((each) => [each.id, 0]));
  for (const line of lines) { after.get(line.from).push(line); missing.set(line.to, missing.get(line.to) + 1); }
  const layer = new Map(items.map((each) => [each.id, 0])), taken = new Set(), order = [];
  const ready = items.filter((each) => !missing.get(each.id)).map((each) => each.id);
  const waiting = new Set(items.map((each) => each.id));
  for (let at = 0; order.length < items.length; at++) {
    // Groups may wait for each other; the line that closes such a circle is drawn backwards.
    if (at >= ready.length) ready.push([...waiting].reduce((a, b) => missing.get(b) < missing.get(a) ? b : a));
    const id = ready[at];
    if (taken.has(id)) continue;
    taken.add(id); waiting.delete(id); order.push(id);
    for (const line of after.get(id)) {
      if (taken.has(line.to)) { line.back = true; continue; }
      layer.set(line.to, Math.max(layer.get(line.to), layer.get(id) + 1));
      missing.set(line.to, missing.get(line.to) - 1);
      if (!missing.get(line.to)) ready.push(line.to);
    }
  }
  const ins = new Map(), near = new Map();
  for (const line of lines) if (!line.back) ins.set(line.to, (ins.get(line.to) ?? 0) + 1);
  for (const id of order.reverse()) {
    const below = after.get(id).filter((line) => !line.back);
    for (const line of below) near.set(id, Math.min(near.get(id) ?? Infinity, layer.get(line.to) - 1));
    // What more waits for than it waits for itself stands as near to them as it can.
    if (below.length > (ins.get(id) ?? 0)) layer.set(id, Math.max(layer.get(id), near.get(id)));
  }
  const firsts = items.some((each) => each.end === "first") ? 1 : 0;
  for (const each of items) layer.set(each.id, each.end === "first" ? 0 : layer.get(each.id) + (firsts && !ins.get(each.id) && layer.get(each.id) < 1 ? 1 : 0));
  const last = Math.max(0, ...items.filter((each) => each.end !== "last").map((each) => layer.get(each.id))) + 1;
  for (const each of items) if (each.end === "last") layer.set(each.id, last);
  return layer;
}

/** Bends of long lines. @param {Map<any, Spot>} spots @param {Line[]} lines @returns {Map<any, any[]>} line -> keys along it */
function bend(spots, lines) {
  const outs = new Map(), ins = new Map(), ways = new Map();
  const end = (/** @type {any} */ id, /** @type {number | undefined} */ at) => `${id}@${at ?? 0}`;
  const long = lines.filter((line) => Math.abs(spots.get(line.to).layer - spots.get(line.from).layer) > 1);
  for (const line of long) for (const [counts, key] of [[outs, end(line.from, line.fromAt)], [ins, end(line.to, line.toAt)]]) counts.set(key, (counts.get(key) ?? 0) + 1);
  for (const [number, line] of lines.entries()) {
    const a = spots.get(line.back ? line.to : line.from), b = spots.get(line.back ? line.from : line.to), way = [a.key];
    const out = end(line.from, line.fromAt), into = end(line.to, line.toAt);
    const owner = line.own || line.back ? `n${number}` : (outs.get(out) ?? 0) >= (ins.get(into) ?? 0) ? `o${out}` : `i${into}`;
    for (let layer = a.layer + 1; layer < b.layer; layer++) {
      const key = `${owner}|${layer}`;
      if (!spots.has(key)) spots.set(key, { key, item: null, layer, half: 1, y: 0, x: 0, left: 0, right: 0 });
      way.push(key);
    }
    way.push(b.key);
    ways.set(line, line.back ? way.reverse() : way);
  }
  return ways;
}

/** @param {{ a: number, b: number }[]} pairs  sorted by a, then b @param {number} width */
function crossings(pairs, width) {
  const tree = new Int32Array(width + 2);
  let found = 0, seen = 0;
  for (const { b } of pairs) {
    let below = 0;
    for (let i = b + 1; i > 0; i -= i & -i) below += tree[i];
    found += seen - below; seen++;
    for (let i = b + 1; i <= width + 1; i += i & -i) tree[i]++;
  }
  return found;
}

/**
 * Where items of a layer stand so that they keep their order and distance and are as near as possible to where they
 * want to be: least squares under order, by pooling neighbours that would overlap.
 *
 * @param {Spot[]} spots @param {number[]} wanted @param {number[]} weight
 */
function settle(spots, wanted, weight) {
  const offset = [0];
  for (let i = 1; i < spots.length; i++) offset.push(offset[i - 1] + spots[i - 1].half + spots[i].half + (spots[i - 1].item && spots[i].item ? GAP : BEND_GAP));
  /** @type {{ mean: number, weight: number, count: number }[]} */
  const pools = [];
  for (let i = 0; i < spots.length; i++) {
    let pool = { mean: wanted[i] - offset[i], weight: weight[i], count: 1 };
    while (pools.length && pools[pools.length - 1].mean > pool.mean) {
      const other = pools.pop(), sum = other.weight + pool.weight;
      pool = { mean: (other.mean * other.weight + pool.mean * pool.weight) / sum, weight: sum, count: other.count + pool.count };
    }
    pools.push(pool);
  }
  let at = 0;
  for (const pool of pools) for (let n = 0; n < pool.count; n++, at++) spots[at].y = pool.mean + offset[at];
}

/**
 * @param {Item[]} items @param {Line[]} lines
 * @returns {{ spots: Map<any, Spot>, ways: Map<Line, any[]>, main: number, cross: number }}
 *   spots: middles (y) and near sides (x) of items and bends; ways: the keys that a line passes
 */
export function arrange(items, lines) {
  const layers = rank(items, lines);
  /** @type {Map<any, Spot>} */
  const spots = new Map(items.map((item) => [item.id, { key: item.id, item, layer: layers.get(item.id), half: item.cross / 2, y: 0, x: 0, left: 0, right: 0 }]));
  const ways = bend(spots, lines);
  /** @type {Spot[][]} */
  const rows = [];
  for (const spot of spots.values()) (rows[spot.layer] ??= []).push(spot);
  for (let i = 0; i < rows.length; i++) rows[i] ??= [];

  /** Links between neighbouring layers, each once, with how far from the middles they end. */
  const ahead = new Map([...spots.keys()].map((key) => [key, /** @type {{ key: any, mine: number, theirs: number }[]} */ ([])]));
  const behind = new Map([...spots.keys()].map((key) => [key, /** @type {{ key: any, mine: number, theirs: number }[]} */ ([])]));
  const known = new Set();
  for (const line of lines) {
    const way = line.back ? [...ways.get(line)].reverse() : ways.get(line);
    const [startAt, endAt] = line.back ? [line.toAt ?? 0, line.fromAt ?? 0] : [line.fromAt ?? 0, line.toAt ?? 0];
    for (let i = 1; i < way.length; i++) {
      const mine = i === 1 ? startAt : 0, theirs = i === way.length - 1 ? endAt : 0, link = `${way[i - 1]}>${way[i]}@${mine},${theirs}`;
      if (known.has(link)) continue;
      known.add(link);
      ahead.get(way[i - 1]).push({ key: way[i], mine, theirs });
      behind.get(way[i]).push({ key: way[i - 1], mine: theirs, theirs: mine });
    }
  }

  const place = new Map();
  const number = () => { for (const row of rows) for (let i = 0; i < row.length; i++) place.set(row[i].key, i); };
  const count = () => {
    let sum = 0;
    for (let i = 0; i + 1 < rows.length; i++) {
      const pairs = rows[i].flatMap((spot, a) => ahead.get(spot.key).map((link) => ({ a, b: place.get(link.key) })));
      sum += crossings(pairs.sort((p, q) => p.a - q.a || p.b - q.b), rows[i + 1].length);
    }
    return sum;
  };
  number();
  let best = count(), kept = rows.map((row) => [...row]);
  for (let sweep = 0; sweep < SWEEPS && best; sweep++) {
    const down = sweep % 2 === 0, links = down ? behind : ahead;
    for (const row of down ? rows : [...rows].reverse()) {
      const middle = new Map(row.map((spot, i) => {
        const others = links.get(spot.key);
        return [spot.key, others.length ? others.reduce((sum, link) => sum + place.get(link.key) + link.theirs / 1e5, 0) / others.length : i];
      }));
      row.sort((a, b) => middle.get(a.key) - middle.get(b.key));
      row.forEach((spot, i) => place.set(spot.key, i));
    }
    const now = count();
    if (now < best) { best = now; kept = rows.map((row) => [...row]); }
  }
  kept.forEach((row, i) => { rows[i] = row; });

  for (const row of rows) settle(row, row.map(() => 0), row.map(() => 1));
  for (let round = 0; round < PLACINGS; round++) {
    const both = round >= PLACINGS - 2, down = round % 2 === 0;
    for (const row of down ? rows : [...rows].reverse()) {
      const wanted = [], weight = [];
      for (const spot of row) {
        const links = both ? [...behind.get(spot.key), ...ahead.get(spot.key)] : (down ? behind : ahead).get(spot.key);
        let sum = 0, all = 0;
        for (const link of links) {
          const other = spots.get(link.key), w = !spot.item && !other.item ? 6 : spot.item && other.item ? 1 : 2;
          sum += w * (other.y + link.theirs - link.mine); all += w;
        }
        wanted.push(all ? sum / all : spot.y); weight.push(all || 0.1);
      }
      settle(row, wanted, weight);
    }
  }

  let x = 0, low = Infinity, high = -Infinity;
  const room = rows.map(() => 0);
  for (const line of lines) if (line.room) { const first = Math.min(spots.get(line.from).layer, spots.get(line.to).layer); room[first] = Math.max(room[first], line.room); }
  rows.forEach((row, i) => {
    const width = Math.max(0, ...row.map((spot) => spot.item?.main ?? 0));
    for (const spot of row) { spot.left = x; spot.right = x + width; spot.x = x + (spot.item ? (width - spot.item.main) / 2 : 0); low = Math.min(low, spot.y - spot.half); high = Math.max(high, spot.y + spot.half); }
    const edge = row.some((spot) => spot.item?.end) || rows[i + 1]?.some((spot) => spot.item?.end);
    x += width + (i + 1 < rows.length ? Math.max(edge ? TO_EDGE : BETWEEN, room[i] ? room[i] + 24 : 0) : 0);
  });
  for (const spot of spots.values()) spot.y -= low;
  return { spots, ways, main: x, cross: Math.max(0, high - low) };
}
