// A decoded song to the probabilities of its clips, excerpt by excerpt, in the worker.

import { excerptsOf } from "./excerpts.js";
import { mono } from "./mono.js";
import { Refusal } from "./text.js";

/** The model in its worker; it loads at once, and answers one excerpt at a time. */
export class Network {
  #worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });

  run(samples, clips) {
    return new Promise((resolve, reject) => {
      this.#worker.onmessage = ({ data }) => ("error" in data ? reject(new Error(data.error)) : resolve(data));
      this.#worker.onerror = (event) => reject(new Error(event.message ?? "worker.js: it did not load"));
      this.#worker.postMessage({ samples, clips }, [samples.buffer]);
    });
  }

  stop() {
    this.#worker.terminate();
  }
}

/**
 * Predict a song.
 *
 * @param buffer AudioBuffer at the model's rate.
 * @param network Network
 * @param model The content of model.json.
 * @param onExcerpt Called with each excerpt's samples and the share of the song that is done before it.
 * @returns {Promise<{clips: {start: number, p: Float32Array}[], excerpts: {start: number, logMel?: Float32Array}[]}>}
 * Starts are in seconds; logMel is [frames, bands] in dB.
 */
export async function predict(buffer, { network, model, onExcerpt }) {
  const { sample_rate, hop_length, genres } = model;
  const planned = excerptsOf(buffer.length, model);
  const result = { clips: [], excerpts: [] };
  for (const [done, excerpt] of planned.entries()) {
    const samples = mono(buffer, excerpt);
    onExcerpt({ samples, start: excerpt.start, done: done / planned.length });
    const { probabilities, logMel } = await network.run(samples, excerpt.clips);
    if (!probabilities.every(Number.isFinite)) {
      throw new Refusal("it holds samples that are no finite numbers, or are too large for the network.");
    }
    result.excerpts.push({ start: excerpt.start / sample_rate, logMel });
    excerpt.clips.forEach((frame, i) => {
      const start = (excerpt.start + frame * hop_length) / sample_rate;
      result.clips.push({ start, p: probabilities.subarray(i * genres.length, (i + 1) * genres.length) });
    });
  }
  return result;
}
