// What is known of the model, from model.json.

import { element } from "./elements.js";

/** Make a table of names and values. */
export function cardTable(card) {
  const rows = Object.entries(card).map(([name, value]) =>
    element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, value)),
  );
  return element("table", { class: "card" }, element("tbody", {}, ...rows));
}
