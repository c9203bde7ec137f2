// @ts-check
/** ANSI colours as a closed set of classes; every other escape sequence is dropped. */
// eslint-disable-next-line no-control-regex
const ESCAPE = /\x1b(?:\[([0-9;:]*)([A-Za-z])|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])/g;

/** @param {string} text @returns {{text: string, kinds: string}[]} pieces with the classes each gets */
export function pieces(text) {
  if (!text.includes("\x1b")) return [{ text, kinds: "" }];
  /** @type {{text: string, kinds: string}[]} */
  const found = [];
  /** @type {Set<number>} */
  const on = new Set();
  let at = 0;
  const put = (/** @type {number} */ end) => { if (end > at) found.push({ text: text.slice(at, end), kinds: [...on].map((code) => `a${code}`).join(" ") }); };
  for (const match of text.matchAll(ESCAPE)) {
    put(match.index);
    at = match.index + match[0].length;
    if (match[2] === "m") style(on, (match[1] || "0").split(/[;:]/).map(Number));
  }
  put(text.length);
  return found;
}

/** @param {Set<number>} on @param {number[]} codes */
function style(on, codes) {
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i];
    if (code === 0) on.clear();
    else if (code === 38 || code === 48) i += codes[i + 1] === 5 ? 2 : codes[i + 1] === 2 ? 4 : 0;
    else if (code === 22) { on.delete(1); on.delete(2); }
    else if (code === 23 || code === 24) on.delete(code - 20);
    else if (code >= 1 && code <= 4) on.add(code);
    else if ((code >= 30 && code <= 37) || code === 39 || (code >= 90 && code <= 97)) {
      for (const old of [...on]) if (old >= 30) on.delete(old);
      if (code !== 39) on.add(code);
    }
  }
}
