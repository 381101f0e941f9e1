// Parts of which the charts are made: elements, a time axis, a table.

import { clock } from "./text.js";

const SVG = "http://www.w3.org/2000/svg";
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600];
const MOST_TICKS = 7; // that fit beside each other on a phone

/** Make an element; attributes that are null are left out. */
export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** Make a drawing that fills its box, whatever that box's shape: x from 0 to `width`, y upwards from `low` to 1. */
export function drawing(className, { width, low }, ...paths) {
  const drawn = paths.map(([name, d]) => filled(document.createElementNS(SVG, "path"), { class: name, d }, []));
  const box = { viewBox: `0 -1 ${width} ${1 - low}`, preserveAspectRatio: "none", class: className, "aria-hidden": "true" };
  return filled(document.createElementNS(SVG, "svg"), box, drawn);
}

/** Make an axis in minutes and seconds from 0 to `seconds`. */
export function timeAxis(seconds) {
  const step = STEPS_S.find((candidate) => seconds / candidate < MOST_TICKS) ?? seconds;
  const ticks = [];
  for (let at = 0; at <= seconds; at += step) ticks.push([at / seconds, clock(at)]);
  return scale("axis time", "left", ticks);
}

/** Make labels along a side of a chart, each at its share of the length. */
export function scale(className, side, ticks) {
  const labels = ticks.map(([share, text]) => {
    const label = element("span", {}, text);
    label.style[side] = `${100 * share}%`;
    if (share > 0.97) label.className = "last";
    return label;
  });
  return element("div", { class: className, "aria-hidden": "true" }, ...labels);
}

/** Make a table in a box of its own that scrolls; all cells but a row's first hold numbers. */
export function table(caption, header, rows) {
  const cell = (tag, text, i, more = {}) => element(tag, { class: i > 0 ? "number" : null, ...more }, text);
  const head = element("tr", {}, ...header.map((text, i) => cell("th", text, i, { scope: "col" })));
  const body = rows.map((row) =>
    element("tr", {}, ...row.map((text, i) => (i > 0 ? cell("td", text, i) : cell("th", text, i, { scope: "row" })))),
  );
  const whole = element(
    "table",
    {},
    element("caption", {}, caption),
    element("thead", {}, head),
    element("tbody", {}, ...body),
  );
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, whole);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
