// matplotlib's colour map magma, which the figures of the report have: every sixteenth of its colours.

const COLOURS = [
  [0, 0, 4], [10, 8, 34], [29, 17, 71], [54, 16, 107], [81, 18, 124], [106, 28, 129],
  [131, 38, 129], [156, 46, 127], [183, 55, 121], [207, 64, 112], [229, 80, 100], [244, 105, 92],
  [251, 135, 97], [254, 165, 113], [254, 194, 135], [253, 224, 161], [252, 253, 191],
];

/** Look up a value from 0 to 1, as red, green and blue up to 255. */
export function magma(value) {
  const place = Math.min(Math.max(value, 0), 1) * (COLOURS.length - 1);
  const below = Math.min(Math.floor(place), COLOURS.length - 2);
  return COLOURS[below].map((colour, c) => colour + (place - below) * (COLOURS[below + 1][c] - colour));
}
