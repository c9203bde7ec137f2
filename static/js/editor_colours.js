// @ts-check
/** The colours of a file that is edited: its text once more, coloured, under a text area that keeps what it does well. */
import hljs from "../vendor/highlight/core.min.js";
import json from "../vendor/highlight/languages/json.min.js";
import python from "../vendor/highlight/languages/python.min.js";
import sql from "../vendor/highlight/languages/sql.min.js";
import yaml from "../vendor/highlight/languages/yaml.min.js";

const MOST = 150_000;  // characters: colouring more would hold up the keys
const ENDINGS = { py: "python", sql: "sql", json: "json", yaml: "yaml", yml: "yaml" };
for (const [name, language] of Object.entries({ json, python, sql, yaml })) hljs.registerLanguage(name, language);

/** Keep a text area coloured; a file of another kind stays plain. @param {HTMLTextAreaElement} area @param {HTMLElement} under @param {string} path */
export function colour(area, under, path) {
  const language = ENDINGS[path.split(".").pop()];
  if (!language) return;
  let asked = 0;
  const follow = () => { under.style.transform = `translate(${-area.scrollLeft}px, ${-area.scrollTop}px)`; };
  const draw = () => {
    asked = 0;
    const fits = area.value.length <= MOST;
    area.parentElement.classList.toggle("is-coloured", fits);
    // The library escapes what it colours, and the policy lets nothing in it run.
    under.innerHTML = fits ? hljs.highlight(area.value, { language, ignoreIllegals: true }).value : "";
    follow();
  };
  area.addEventListener("input", () => { asked ||= requestAnimationFrame(draw); });
  area.addEventListener("scroll", follow, { passive: true });
  draw();
}
