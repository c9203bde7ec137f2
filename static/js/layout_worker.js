// @ts-check
/** Lays graphs out beside the page, which stays responsive meanwhile. */
import { layout } from "./layout.js";

addEventListener("message", ({ data }) => {
  const began = performance.now();
  const found = layout(data.given);
  postMessage({ number: data.number, found, took: performance.now() - began });
});
