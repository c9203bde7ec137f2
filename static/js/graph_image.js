// @ts-check
/** Saves a drawing as it looks now, whole, as PNG or SVG. */
import { NS } from "./svg.js";
import { gettext } from "./texts.js";

const KEPT = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "font-family", "font-size", "font-weight", "text-anchor", "paint-order", "opacity", "display", "color"];
const MARGIN = 24, LONGEST = 12000;

/** @param {SVGElement} view @param {Element} defs @param {{ width: number, height: number }} size */
function standalone(view, defs, size) {
  const copy = /** @type {SVGElement} */ (view.cloneNode(true)), width = size.width + 2 * MARGIN, height = size.height + 2 * MARGIN;
  const theirs = copy.querySelectorAll("*"), ours = view.querySelectorAll("*");
  ours.forEach((element, index) => {
    const style = getComputedStyle(element);
    for (const name of KEPT) if (style.getPropertyValue(name)) theirs[index].setAttribute(name, style.getPropertyValue(name));
    theirs[index].removeAttribute("style"); theirs[index].removeAttribute("class");
  });
  copy.setAttribute("transform", `translate(${MARGIN} ${MARGIN})`);
  const whole = document.createElementNS(NS, "svg"), paper = document.createElementNS(NS, "rect");
  for (const [name, value] of Object.entries({ xmlns: NS, width, height, viewBox: `0 0 ${width} ${height}` })) whole.setAttribute(name, String(value));
  for (const [name, value] of Object.entries({ width, height, fill: getComputedStyle(/** @type {Element} */ (view.closest(".graph-wrap"))).backgroundColor })) paper.setAttribute(name, String(value));
  whole.append(defs.cloneNode(true), paper, copy);
  return { text: new XMLSerializer().serializeToString(whole), width, height };
}

/** @param {Blob} blob @param {string} name */
function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob); link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** @param {"png" | "svg"} kind @param {string} name @param {SVGElement} view @param {Element} defs @param {{ width: number, height: number }} size */
export async function download(kind, name, view, defs, size) {
  const canvas = view.ownerSVGElement, far = canvas?.classList.contains("far");
  canvas?.classList.remove("far");  // names are in the picture however far away one looks
  const { text, width, height } = standalone(view, defs, size);
  canvas?.classList.toggle("far", far);
  if (kind === "svg") { save(new Blob([text], { type: "image/svg+xml" }), `${name}.svg`); return; }
  const image = new Image(), scale = Math.min(2, LONGEST / Math.max(width, height));
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const sheet = document.createElement("canvas");
  sheet.width = Math.ceil(width * scale); sheet.height = Math.ceil(height * scale);
  const context = sheet.getContext("2d");
  context.scale(scale, scale); context.drawImage(image, 0, 0);
  save(await new Promise((resolve, refuse) => sheet.toBlob((blob) => blob ? resolve(blob) : refuse(new Error(gettext("The picture is too large for this browser."))), "image/png")), `${name}.png`);
}
