"""Tones and drum strokes as samples."""

from functools import lru_cache

import numpy as np

from fmagc.demo.signals import CYCLE, Signal, decay, glide, lookup, low_pass, sine_table, snap
from fmagc.demo.voices import Drum, Voice

__all__ = ["Synth", "hertz"]

_DARKER = 1.2  # a damped tone's harmonics fall by this much more
_VIBRATO_HZ = 5.3
_HARMONICS = 40
_NYQUIST = 0.42  # of the rate: what lies above is left out


def hertz(pitch: float) -> float:
    """Return the frequency of a MIDI pitch (69 is 440 Hz)."""
    return float(snap(440.0 * 2.0 ** ((pitch - 69.0) / 12.0), bits=20))


class Synth:
    """Renders one track's instruments at one rate; equal notes and strokes are rendered once.

    Parameters
    ----------
    rng : np.random.Generator
        Where the noise of breath and drums comes from.
    sr : int
        Sampling rate in Hz.
    """

    def __init__(self, rng: np.random.Generator, *, sr: int) -> None:
        self.sr = sr
        self._noise = 2.0 * rng.random(2 * sr) - 1.0
        self._notes: dict[tuple[Voice, float, int], Signal] = {}
        self._strokes: dict[tuple[Drum, float], Signal] = {}

    def note(self, voice: Voice, *, pitch: float, seconds: float) -> Signal:
        """Render a tone, shape (samples,): about 1 RMS while it sounds, `seconds` and the voice's release long."""
        samples = round(seconds * self.sr)
        key = (voice, pitch, samples)
        if key not in self._notes:
            self._notes[key] = self._render_note(voice, hertz(pitch), samples)
        return self._notes[key]

    def stroke(self, drum: Drum, *, tune: float) -> Signal:
        """Render a stroke, shape (samples,), of a drum tuned up by the factor `tune`."""
        key = (drum, tune)
        if key not in self._strokes:
            self._strokes[key] = self._render_stroke(drum, tune)
        return self._strokes[key]

    def _render_note(self, voice: Voice, f0: float, held: int) -> Signal:
        release = round(voice.release_s * self.sr)
        n = held + release
        cycles: Signal = np.arange(n, dtype=np.float64) * (f0 / self.sr)
        if voice.vibrato:
            wobble = lookup(sine_table(), np.arange(n, dtype=np.float64) * (_VIBRATO_HZ / self.sr))
            # the phase is the integral of the frequency; a semitone is about 5.9 % of it
            cycles = 1.0 + cycles - wobble * (0.059 * voice.vibrato * f0 / (2 * np.pi * _VIBRATO_HZ))
        y = self._partials(voice, f0, cycles) if voice.partials else self._harmonics(voice, f0, cycles)
        if voice.breath:
            y += 2.0 * voice.breath * self._hiss(n)
        y *= decay(n, time_constant_s=voice.decay_s, sr=self.sr)
        attack = min(n, max(1, round(voice.attack_s * self.sr)))
        y[:attack] *= np.arange(attack) / attack
        y[n - release :] *= np.arange(release, 0, -1) / (release + 1)
        return y

    def _harmonics(self, voice: Voice, f0: float, cycles: Signal) -> Signal:
        count = max(1, min(_HARMONICS, int(_NYQUIST * self.sr / f0)))
        rolloffs = voice.rolloff + _DARKER, voice.rolloff
        dark, bright = lookup(np.stack([_period(voice, count, rolloff) for rolloff in rolloffs]), cycles)
        bright -= dark
        bright *= decay(len(cycles), time_constant_s=voice.damp_s, sr=self.sr)
        return np.asarray(dark + bright)

    def _partials(self, voice: Voice, f0: float, cycles: Signal) -> Signal:
        y = np.zeros(len(cycles))
        for number, ratio in enumerate(voice.partials, start=1):
            if ratio * f0 < _NYQUIST * self.sr:
                fade = decay(len(cycles), time_constant_s=voice.decay_s * 2.0 / (1 + number), sr=self.sr)
                y += float(snap(number**-voice.rolloff)) * lookup(sine_table(), cycles * ratio) * fade
        return y

    def _render_stroke(self, drum: Drum, tune: float) -> Signal:
        n = round(5.0 * max(drum.tone_s if drum.tone else 0.0, drum.noise_s if drum.noise else 0.0) * self.sr)
        y = np.zeros(n)
        if drum.tone:
            hz = drum.hz * tune
            cycles = glide(n, start_hz=hz * drum.sweep, end_hz=hz, time_constant_s=0.03, sr=self.sr)
            y += drum.tone * lookup(sine_table(), cycles) * decay(n, time_constant_s=drum.tone_s, sr=self.sr)
        if drum.noise:
            noise = low_pass(self._hiss(n), cutoff_hz=min(drum.high_hz * tune, _NYQUIST * self.sr), sr=self.sr)
            for _ in range(2):  # two poles: drums of one kit should not smear over each other's bands
                noise = noise - low_pass(noise, cutoff_hz=min(drum.low_hz * tune, _NYQUIST * self.sr), sr=self.sr)
            y += 2.0 * drum.noise * noise * decay(n, time_constant_s=drum.noise_s, sr=self.sr)
        fade = round(0.005 * self.sr)
        y[n - fade :] *= np.arange(fade, 0, -1) / fade
        return y

    def _hiss(self, samples: int) -> Signal:
        return np.resize(self._noise, samples)


@lru_cache(maxsize=4096)
def _period(voice: Voice, harmonics: int, rolloff: float) -> Signal:
    """Return one period of a voice at 1 RMS, shape (CYCLE,)."""
    numbers = np.arange(1, harmonics + 1)
    strength = numbers**-rolloff * np.where(numbers % 2, 1.0, voice.even)
    if voice.formant:
        strength *= 1.0 + 3.0 / (1.0 + (numbers - voice.formant) ** 2)
    strength = snap(strength / np.sqrt(np.sum(strength**2) / 2))
    table, sine, place = np.zeros(CYCLE), sine_table(), np.arange(CYCLE)
    for number in range(1, harmonics + 1):
        spread = number * number * CYCLE // (2 * harmonics)  # Schroeder's phases: no harmonics piled up in one peak
        table += strength[number - 1] * sine[(number * place + spread) % CYCLE]
    return table
