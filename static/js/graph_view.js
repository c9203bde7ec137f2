// @ts-check
/** Looking at a large picture: pan, zoom, fit, and a small map of the whole. */
import { svg } from "./svg.js";

const FAR = 0.42, CLOSEST = 3, FURTHEST = 0.02;

/**
 * @param {SVGElement} canvas @param {SVGElement} view  what is moved
 * @param {{ map: SVGElement, changed: (seen: { x: number, y: number, width: number, height: number }) => void }} options
 */
export function viewOf(canvas, view, { map, changed }) {
  let size = { width: 1, height: 1 }, place = { x: 0, y: 0, k: 1 }, moved = 0, asked = 0;
  const dots = svg("g"), frame = svg("rect", { class: "frame" });
  map.append(dots, frame);

  function draw() {
    asked = 0;
    view.setAttribute("transform", `translate(${place.x} ${place.y}) scale(${place.k})`);
    canvas.style.backgroundPosition = `${place.x}px ${place.y}px`;
    canvas.classList.toggle("far", place.k < FAR);
    canvas.style.setProperty("--name", `${Math.min(13 / place.k, 64)}px`);
    const x = -place.x / place.k, y = -place.y / place.k, width = canvas.clientWidth / place.k, height = canvas.clientHeight / place.k;
    for (const [name, value] of Object.entries({ x, y, width, height, "stroke-width": Math.max(size.width, size.height) / 90 })) frame.setAttribute(name, String(value));
    changed({ x, y, width, height });
    map.toggleAttribute("hidden", x <= 0 && y <= 0 && x + width >= size.width && y + height >= size.height);
  }
  function move() { asked ||= requestAnimationFrame(draw); }

  /** @param {number} [least]  never smaller than this, even if not all is seen */
  function fit(least = FURTHEST) {
    const k = Math.max(least, Math.min(1.15, Math.min((canvas.clientWidth - 24) / size.width, (canvas.clientHeight - 24) / size.height)));
    const corner = (/** @type {number} */ room, /** @type {number} */ own) => least > FURTHEST && own * k > room ? 12 : (room - own * k) / 2;
    place = { k, x: corner(canvas.clientWidth, size.width), y: size.height * k > canvas.clientHeight && size.width * k > canvas.clientWidth ? (canvas.clientHeight - size.height * k) / 2 : corner(canvas.clientHeight, size.height) };
    move();
  }
  /** @param {number} by @param {number} [x] @param {number} [y] */
  function zoom(by, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
    const k = Math.min(CLOSEST, Math.max(FURTHEST, place.k * by));
    place = { k, x: x - (x - place.x) * k / place.k, y: y - (y - place.y) * k / place.k };
    move();
  }
  /** Bring a place into the middle. @param {{ x: number, y: number, width: number, height: number }} at @param {number} [k] */
  function show(at, k = Math.max(place.k, 1)) {
    place = { k, x: canvas.clientWidth / 2 - (at.x + at.width / 2) * k, y: canvas.clientHeight / 2 - (at.y + at.height / 2) * k };
    move();
  }
  /** @param {{ x: number, y: number, width: number, height: number }} at */
  function isSeen(at) {
    const x = at.x * place.k + place.x, y = at.y * place.k + place.y;
    return x >= 0 && y >= 0 && x + at.width * place.k <= canvas.clientWidth && y + at.height * place.k <= canvas.clientHeight;
  }
  /** @param {{ width: number, height: number }} now @param {{ x: number, y: number, width: number, height: number, color: string }[]} marks */
  function measure(now, marks) {
    size = { width: now.width || 1, height: now.height || 1 };
    map.setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
    const by = new Map(), least = size.height / 100;
    for (const { x, y, width, height, color } of marks) by.set(color, `${by.get(color) ?? ""}M${x} ${y}h${width}v${Math.max(height, least)}h${-width}z`);
    dots.replaceChildren(...[...by].map(([color, d]) => { const path = svg("path", { d }); /** @type {SVGElement} */ (path).style.fill = `var(--s-${color})`; return path; }));
    move();
  }

  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const edge = canvas.getBoundingClientRect();
    if (event.ctrlKey || !event.shiftKey) zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), event.clientX - edge.left, event.clientY - edge.top);
    else { place.x -= event.deltaY || event.deltaX; move(); }
  }, { passive: false });
  /** @type {Map<number, { x: number, y: number }>} */
  const fingers = new Map();
  canvas.addEventListener("pointerdown", (event) => { fingers.set(event.pointerId, { x: event.clientX, y: event.clientY }); moved = 0; });
  addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const dx = event.clientX - before.x, dy = event.clientY - before.y;
    if (fingers.size === 1) { place.x += dx; place.y += dy; moved += Math.abs(dx) + Math.abs(dy); move(); }
    else {
      const other = [...fingers].find(([id]) => id !== event.pointerId)[1], edge = canvas.getBoundingClientRect();
      const old = Math.hypot(before.x - other.x, before.y - other.y), now = Math.hypot(event.clientX - other.x, event.clientY - other.y);
      if (old) zoom(now / old, (event.clientX + other.x) / 2 - edge.left, (event.clientY + other.y) / 2 - edge.top);
      moved = 9;
    }
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  for (const name of ["pointerup", "pointercancel"]) addEventListener(name, (event) => fingers.delete(/** @type {PointerEvent} */ (event).pointerId));
  canvas.addEventListener("click", (event) => { if (moved > 6) { event.preventDefault(); event.stopPropagation(); } }, true);
  canvas.addEventListener("dragstart", (event) => event.preventDefault());
  new ResizeObserver(move).observe(canvas);

  /** @param {PointerEvent} event */
  const toward = (event) => {
    const matrix = /** @type {any} */ (map).getScreenCTM(), x = (event.clientX - matrix.e) / matrix.a, y = (event.clientY - matrix.f) / matrix.d;
    show({ x, y, width: 0, height: 0 }, place.k);
  };
  map.addEventListener("pointerdown", (event) => { event.stopPropagation(); event.preventDefault(); map.setPointerCapture(event.pointerId); toward(event); });
  map.addEventListener("pointermove", (event) => { if (map.hasPointerCapture(event.pointerId)) toward(event); });
  /** What stood at one place stands at another: move so that it stays where it is on the screen. @param {{ x: number, y: number }} before @param {{ x: number, y: number }} after */
  function hold(before, after) { place.x += (before.x - after.x) * place.k; place.y += (before.y - after.y) * place.k; move(); }
  const seen = () => ({ x: -place.x / place.k, y: -place.y / place.k, width: canvas.clientWidth / place.k, height: canvas.clientHeight / place.k });
  return { fit, zoom, show, isSeen, measure, hold, seen };
}
