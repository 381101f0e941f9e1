// The probabilities of the genres along a song, under its waveform.

import { drawing, element, scale, table, timeAxis } from "./elements.js";
import { clock, probability } from "./text.js";

/**
 * Draw the clips' probabilities, each from halfway to the one before to halfway to the next: stacked to 1 where a song
 * has one genre, a line for each where it has several.
 */
export function timeline(clips, ranked, { task, seconds, clipSeconds, waveform }) {
  const { layersOf, pathsOf } = FORMS[task];
  const layers = layersOf(ranked, clips);
  const centres = clips.map(({ start }) => start + clipSeconds / 2);
  const edges = [0, ...centres.slice(1).map((centre, i) => (centres[i] + centre) / 2), seconds];
  const paths = pathsOf(layers, edges);
  const best = `${ranked[0].genre} ${probability(ranked[0].mean)}`;
  const label = `Waveform, and the probabilities of ${clips.length} clips below it, highest on average: ${best}`;
  const plot = element(
    "div",
    { class: "plot", role: "img", "aria-label": label },
    waveform,
    element(
      "div",
      { class: "with-scale" },
      drawing("timeline", { width: seconds, low: 0 }, ...paths),
      scale("axis side", "bottom", [[0, "0"], [0.5, "0.5"], [1, "1"]]),
    ),
    timeAxis(seconds),
  );
  const legend = element(
    "ul",
    { class: "legend" },
    ...layers.map(({ name, colour }) => element("li", {}, element("span", { class: `swatch ${colour}` }), name)),
  );
  const rows = clips.map(({ start }, i) => [
    `${clock(start)} to ${clock(start + clipSeconds)}`,
    ...layers.map(({ values }) => probability(values[i])),
  ]);
  const header = ["clip", ...layers.map(({ name }) => name)];
  const words = element(
    "details",
    {},
    element("summary", {}, "The same as a table"),
    table("Probabilities of each clip", header, rows),
  );
  return [plot, legend, words];
}

const FORMS = {
  single: { layersOf: wholeLayers, pathsOf: stacked },
  multi: { layersOf: colouredLayers, pathsOf: lines },
};

/** Give each coloured genre a layer. */
function colouredLayers(ranked, clips) {
  return ranked
    .filter(({ colour }) => colour !== "genre-other")
    .map(({ genre, k, colour }) => ({ name: genre, colour, values: clips.map(({ p }) => p[k]) }));
}

/** Give each coloured genre a layer, and all others one together. */
function wholeLayers(ranked, clips) {
  const layers = colouredLayers(ranked, clips);
  const others = ranked.filter(({ colour }) => colour === "genre-other");
  if (others.length > 0) {
    const values = clips.map(({ p }) => others.reduce((sum, { k }) => sum + p[k], 0));
    const name = others.length === 1 ? others[0].genre : `${others.length} others`;
    layers.push({ name, colour: "genre-other", values });
  }
  return layers;
}

/** Lay each layer on those before it. */
function stacked(layers, edges) {
  const heights = edges.slice(1).map(() => 0);
  return layers.map(({ colour, values }) => {
    const bottom = heights.slice();
    values.forEach((p, i) => (heights[i] += p));
    const steps = heights.map((p, i) => `M${edges[i]} ${-bottom[i]}V${-p}H${edges[i + 1]}V${-bottom[i]}Z`);
    return [colour, steps.join("")];
  });
}

/** Draw a line of steps for each layer, the most probable genre over the others. */
function lines(layers, edges) {
  return [...layers].reverse().map(({ colour, values }) => {
    const steps = values.map((p, i) => `${-p}H${edges[i + 1]}`);
    return [`line ${colour}`, `M${edges[0]} ${steps.join("V")}`];
  });
}
