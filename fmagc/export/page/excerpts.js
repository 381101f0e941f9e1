// The excerpts of a song and the clips of an excerpt, placed as fmagc/audio/raw_audio.py and
// fmagc/cache/clip_starts.py place them. A test compares the numbers.

/** Round as Python and NumPy do: a half goes to the even neighbour. */
function roundHalfEven(x) {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
}

/** Space `n` whole numbers evenly from 0 to `last`, two or more of them. */
function spaced(last, n) {
  const step = last / (n - 1);
  return Array.from({ length: n }, (_, i) => (i === n - 1 ? last : roundHalfEven(i * step)));
}

/**
 * Place excerpts of at most `keep` samples that cover a song, or one in its middle. A sixtieth of an excerpt may be left
 * out: songs of 30 s are often some milliseconds longer, and get one excerpt.
 */
export function excerptStarts(nSamples, keep) {
  const last = Math.max(0, nSamples - keep);
  const n = Math.max(1, Math.ceil((nSamples - Math.floor(keep / 60)) / keep));
  return n === 1 ? [Math.floor(last / 2)] : spaced(last, n);
}

/** Place `nClips` clips in an excerpt of `nFrames`, or as many as cover it where `nClips` is null. */
export function evenlySpaced(nFrames, { clipFrames, nClips }) {
  const last = nFrames - clipFrames;
  const n = nClips ?? 1 + Math.ceil(last / clipFrames);
  return n === 1 ? [Math.floor(last / 2)] : spaced(last, n);
}

/** List a song's excerpts with the clips of each: sample numbers, and frames within the excerpt. */
export function excerptsOf(nSamples, { sample_rate, max_seconds, clip_samples, hop_length, n_clips }) {
  const keep = roundHalfEven(max_seconds * sample_rate);
  return excerptStarts(nSamples, keep).map((start) => {
    const length = Math.min(keep, nSamples - start);
    const frames = Math.floor(length / hop_length);
    return { start, length, clips: evenlySpaced(frames, { clipFrames: clip_samples / hop_length, nClips: n_clips }) };
  });
}
