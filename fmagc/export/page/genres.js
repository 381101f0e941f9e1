// The genres of a song: their order, their colours, and a bar for each.

import { element } from "./elements.js";
import { probability } from "./text.js";

const COLOURED = 6; // genres with a colour of their own; the others are grey

/** Average the clips and rank the genres; each gets the class of its colour. */
export function rankGenres(clips, genres) {
  const ranked = genres.map((genre, k) => ({ genre, k, mean: clips.reduce((sum, { p }) => sum + p[k], 0) / clips.length }));
  ranked.sort((a, b) => b.mean - a.mean);
  return ranked.map((entry, rank) => ({ ...entry, colour: rank < COLOURED ? `genre-${rank + 1}` : "genre-other" }));
}

/** Make a bar for each genre: a table, so that it is read as one. */
export function genreBars(ranked) {
  const rows = ranked.map(({ genre, mean, colour }) => {
    const bar = element("div", { class: `bar ${colour}` });
    bar.style.width = `${100 * mean}%`;
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, genre),
      element("td", {}, bar),
      element("td", { class: "number" }, element("data", { value: mean }, probability(mean))),
    );
  });
  return element(
    "table",
    { class: "bars" },
    element("caption", {}, "Mean probability over the song"),
    element("tbody", {}, ...rows),
  );
}
