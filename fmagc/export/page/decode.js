// A file to samples, by the browser's own decoder.

import { clock, Refusal } from "./text.js";

const LONGEST_S = 30 * 60; // a browser decodes a whole song at once: stereo takes 21 MB a minute at 44.1 kHz

/**
 * Decode a file to an AudioBuffer at the given rate.
 *
 * @throws {Refusal} when the browser cannot decode it, or it is too long to be held in memory.
 */
export async function decode(file, { sampleRate, nSamples }) {
  const unknown = "this browser cannot decode it. Expected audio as MP3, WAV, FLAC, Ogg or M4A.";
  const seconds = file.size > 0 ? await duration(file) : undefined;
  if (seconds === undefined) throw new Refusal(unknown);
  if (Number.isFinite(seconds)) requireHeld(seconds); // a recording that was streamed to a file declares no length
  const bytes = await file.arrayBuffer();
  const buffer = await new OfflineAudioContext(1, 1, sampleRate).decodeAudioData(bytes).catch(() => {
    throw new Refusal(unknown);
  });
  requireHeld(buffer.duration);
  if (buffer.length < nSamples) {
    throw new Refusal(
      `it is ${buffer.duration.toFixed(1)} s long. The model needs ${(nSamples / sampleRate).toFixed(1)} s or more.`,
    );
  }
  return buffer;
}

function requireHeld(seconds) {
  if (seconds <= LONGEST_S) return;
  throw new Refusal(
    `it is ${clock(seconds)} long. Expected at most ${clock(LONGEST_S)}, since the browser holds all of its samples ` +
      "in memory: cut it into parts, or use the command fmagc predict, which takes files of any length.",
  );
}

/** Read how long a file says that it is, in seconds, without decoding it; infinite where it does not say, undefined where it is no audio. */
function duration(file) {
  const audio = new Audio();
  audio.preload = "metadata";
  audio.src = URL.createObjectURL(file);
  return new Promise((resolve) => {
    audio.onloadedmetadata = () => resolve(audio.duration);
    audio.onerror = () => resolve(undefined);
  }).finally(() => URL.revokeObjectURL(audio.src));
}
