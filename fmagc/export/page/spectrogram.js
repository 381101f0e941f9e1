// The log-mel spectrogram that the network saw, as a picture.

import { element, scale, timeAxis } from "./elements.js";
import { magma } from "./magma.js";
import { clock } from "./text.js";

const MOST_COLUMNS = 2000; // of pixels, of which a canvas takes no number at will

/**
 * Draw the excerpts' spectrograms over time.
 *
 * @param excerpts {start, logMel}[], in seconds and [frames, bands] in dB from -top_db to 0.
 * @param seconds The song's length.
 * @param model The content of model.json.
 */
export function spectrogram(excerpts, seconds, model) {
  const framesPerSecond = model.sample_rate / model.hop_length;
  const width = Math.min(MOST_COLUMNS, Math.ceil(seconds * framesPerSecond));
  const levels = loudest(excerpts, { width, perFrame: width / (seconds * framesPerSecond), framesPerSecond, model });
  const canvas = element("canvas", { width, height: model.n_mels, "aria-hidden": "true" });
  canvas.getContext("2d").putImageData(picture(levels, { width, model }), 0, 0);
  const label = `Log-mel spectrogram: ${model.n_mels} bands over ${clock(seconds)}, from ${-model.top_db} to 0 dB`;
  return element(
    "div",
    { class: "plot", role: "img", "aria-label": label },
    element("div", { class: "with-scale" }, canvas, scale("axis side", "bottom", hertzTicks(model))),
    timeAxis(seconds),
  );
}

/** Place the octaves from 500 Hz on, at their shares of the height; lower ones would overlap. */
function hertzTicks({ bands_hz }) {
  const ticks = [];
  for (let hz = 500; hz <= bands_hz.at(-1); hz *= 2) {
    const above = bands_hz.findIndex((centre) => centre >= hz);
    const part = above > 0 ? (hz - bands_hz[above - 1]) / (bands_hz[above] - bands_hz[above - 1]) : 1;
    ticks.push([(above - 0.5 + part) / bands_hz.length, hz < 1000 ? `${hz} Hz` : `${hz / 1000} kHz`]);
  }
  return ticks;
}

/** Find the highest level of each band in each column of pixels; excerpts overlap by little. */
function loudest(excerpts, { width, perFrame, framesPerSecond, model }) {
  const levels = new Float32Array(width * model.n_mels).fill(-model.top_db);
  for (const { start, logMel } of excerpts) {
    for (let i = 0; i < logMel.length; i++) {
      const frame = start * framesPerSecond + Math.floor(i / model.n_mels);
      const place = Math.min(width - 1, Math.floor(frame * perFrame)) * model.n_mels + (i % model.n_mels);
      if (logMel[i] > levels[place]) levels[place] = logMel[i];
    }
  }
  return levels;
}

function picture(levels, { width, model }) {
  const image = new ImageData(width, model.n_mels);
  levels.forEach((dB, place) => {
    const column = Math.floor(place / model.n_mels);
    const row = model.n_mels - 1 - (place % model.n_mels);
    image.data.set([...magma(1 + dB / model.top_db), 255], 4 * (row * width + column));
  });
  return image;
}
