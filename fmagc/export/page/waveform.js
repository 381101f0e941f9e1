// The outline of a song's samples.

import { drawing } from "./elements.js";

const COLUMNS = 800;
const SILENCE_PEAK = 2 ** -24; // as in fmagc/audio/quantise.py

/** Collects the lowest and highest sample of each column, excerpt by excerpt. */
export class Envelope {
  #high = new Float32Array(COLUMNS);
  #low = new Float32Array(COLUMNS);
  #nSamples;

  constructor(nSamples) {
    this.#nSamples = nSamples;
  }

  add(samples, start) {
    const share = COLUMNS / this.#nSamples;
    samples.forEach((y, i) => {
      const column = Math.floor((start + i) * share);
      if (y > this.#high[column]) this.#high[column] = y;
      else if (y < this.#low[column]) this.#low[column] = y;
    });
  }

  /** Tell whether no sample is above the decoder's rounding. */
  get isSilent() {
    return this.#peak < SILENCE_PEAK;
  }

  /** Draw it, the largest sample as high as the box. */
  draw() {
    const peak = Math.max(SILENCE_PEAK, this.#peak);
    const point = (values, column) => `${column} ${(-values[column] / peak).toFixed(3)}`;
    const columns = [...this.#high.keys()];
    const above = columns.map((column) => point(this.#high, column));
    const below = columns.reverse().map((column) => point(this.#low, column));
    return drawing("waveform", { width: COLUMNS, low: -1 }, ["samples", `M${[...above, ...below].join("L")}Z`]);
  }

  get #peak() {
    return Math.max(...this.#high, ...this.#low.map(Math.abs));
  }
}
