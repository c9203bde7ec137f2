// @ts-check
/**
 * Each state as one small picture, drawn once from the page's own styles. Elsewhere a glyph is cut out by a mask, which
 * costs the browser a layer each time it is painted; with the thousands of cells of a grid that was most of a frame.
 */
const CELL = 24, NORMAL = { box: 16, radius: 5, glyph: 11 }, MANY = { box: 12, radius: 3, glyph: 9 };
/** @type {CSSStyleSheet | null} */
let sheet = null;

/** Have cells of the grid show pictures, also after the theme has changed. @param {HTMLElement} grid @param {string[]} states */
export function draw(grid, states) {
  const again = () => make(grid, states).catch(() => grid.classList.remove("drawn"));  // plain colours have to do
  again();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  new MutationObserver(again).observe(document.documentElement, { attributeFilter: ["data-theme"] });
}

/** @param {HTMLElement} grid @param {string[]} states */
async function make(grid, states) {
  const probe = document.createElement("i"), rules = [];
  probe.hidden = true;
  grid.parentElement.append(probe);
  for (const state of states) {
    probe.className = `st st-${state}`;
    const style = getComputedStyle(probe), ring = style.boxShadow.match(/^[a-z]+\([^)]*\)/)?.[0];
    const look = { colour: style.backgroundColor, ring, ink: getComputedStyle(probe, "::after").backgroundColor, glyph: await glyph(style.getPropertyValue("--g")) };
    for (const [suffix, size] of /** @type {[string, typeof NORMAL][]} */ ([["", NORMAL], [".many", MANY]])) rules.push(`.drawn .g-cells .st-${state}.c${suffix} { background-image: url("${picture(look, size, suffix !== "")}"); }`);
  }
  probe.remove();
  if (!sheet) { sheet = new CSSStyleSheet(); document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet]; }
  sheet.replaceSync(rules.join("\n"));
  grid.classList.add("drawn");
}

/** @param {string} value  url("data:...") */
async function glyph(value) {
  const url = value.trim().match(/^url\("(.*)"\)$/s)?.[1];
  if (!url) return null;
  const image = new Image();
  image.src = url.replaceAll('\\"', '"');
  await image.decode();
  return image;
}

/** @param {any} look @param {typeof NORMAL} size @param {boolean} many */
function picture(look, size, many) {
  const scale = Math.max(1, Math.ceil(devicePixelRatio)), canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
  canvas.width = canvas.height = CELL * scale; pen.scale(scale, scale);
  const chip = (/** @type {number} */ box, /** @type {number} */ radius) => { pen.beginPath(); pen.roundRect((CELL - box) / 2, (CELL - box) / 2, box, box, radius); };
  pen.lineWidth = 1.5;
  if (look.ring) { pen.strokeStyle = look.ring; chip(size.box - 1.5, size.radius - 0.7); pen.stroke(); } else { pen.fillStyle = look.colour; chip(size.box, size.radius); pen.fill(); }
  if (many) { pen.strokeStyle = look.ring ?? look.colour; chip(size.box + 3.5, size.radius + 2); pen.stroke(); }
  if (look.glyph && !look.ring) {
    const cut = document.createElement("canvas"), knife = cut.getContext("2d"), side = size.glyph * scale;
    cut.width = cut.height = side;
    knife.drawImage(look.glyph, 0, 0, side, side); knife.globalCompositeOperation = "source-in"; knife.fillStyle = look.ink; knife.fillRect(0, 0, side, side);
    pen.drawImage(cut, (CELL - size.glyph) / 2, (CELL - size.glyph) / 2, size.glyph, size.glyph);
  }
  return canvas.toDataURL();
}
