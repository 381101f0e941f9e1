// The genres of a song: their order, their colours, and a bar for each.

import { element } from "./elements.js";
import { probability } from "./text.js";

const COLOURED = 6; // genres with a colour of their own; the others are grey
const LISTED = 20; // genres whose bars are shown at once
const MEANING = {
  single: "Mean probability over the song",
  multi: "Mean probability over the song, of each genre on its own: together they may be more than 1, or less",
};

/** Average the clips and rank the genres; each gets the class of its colour. */
export function rankGenres(clips, genres) {
  const ranked = genres.map((genre, k) => ({ genre, k, mean: clips.reduce((sum, { p }) => sum + p[k], 0) / clips.length }));
  ranked.sort((a, b) => b.mean - a.mean);
  return ranked.map((entry, rank) => ({ ...entry, colour: rank < COLOURED ? `genre-${rank + 1}` : "genre-other" }));
}

/** Make a bar for each genre, the least probable of many behind a line that opens. */
export function genreBars(ranked, task) {
  const others = ranked.slice(LISTED);
  const bars = [barTable(ranked.slice(0, LISTED), MEANING[task])];
  if (others.length > 0) {
    const words = `${others.length} other genres, each at most ${probability(others[0].mean)}`;
    bars.push(element("details", {}, element("summary", {}, words), barTable(others, "The other genres")));
  }
  return bars;
}

/** Make a table, so that the bars are read as one. */
function barTable(entries, caption) {
  const rows = entries.map(({ genre, mean, colour }) => {
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
    element("caption", {}, caption),
    element("tbody", {}, ...rows),
  );
}
