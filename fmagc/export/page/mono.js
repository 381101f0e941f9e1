// One channel out of several, as fmagc/audio/raw_audio.py makes it.

const CANCELLED = 1e-6; // power of the mean over that of the channels: -60 dB

/** Average the channels of a part of an AudioBuffer; where they cancel each other, take the loudest. */
export function mono(buffer, { start, length }) {
  const channels = Array.from({ length: buffer.numberOfChannels }, (_, c) =>
    buffer.getChannelData(c).subarray(start, start + length),
  );
  if (channels.length === 1) return channels[0].slice();
  const mean = average(channels);
  const powers = channels.map(power);
  const all = powers.reduce((sum, own) => sum + own) / channels.length;
  return power(mean) < CANCELLED * all ? channels[powers.indexOf(Math.max(...powers))].slice() : mean;
}

// Loops, since a function called for each of millions of samples takes ten times as long.

function average([first, ...others]) {
  const mean = first.slice();
  for (const channel of others) for (let i = 0; i < mean.length; i++) mean[i] += channel[i];
  const share = Math.fround(1 / (others.length + 1));
  for (let i = 0; i < mean.length; i++) mean[i] *= share;
  return mean;
}

function power(samples) {
  let sum = 0;
  for (let i = 0; i < samples.length; i++) sum += samples[i] * samples[i];
  return sum;
}
