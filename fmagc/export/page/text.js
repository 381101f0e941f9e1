// Numbers and messages in words.

/** A reason for which a song is not predicted, in words for its owner. */
export class Refusal extends Error {}

/** Write seconds as minutes and seconds, 65 as 1:05. */
export function clock(seconds) {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** Write a probability as `fmagc predict` does. */
export function probability(p) {
  return p.toFixed(2);
}
