"""The finished track: an arrangement rendered, mixed, mastered and rounded to 16 bits."""

import numpy as np
from numpy.typing import NDArray

from fmagc.demo.arrange import Arrangement, Note, Stroke, arrange
from fmagc.demo.artists import Artist, Dice
from fmagc.demo.signals import Signal, comb, diffuse, low_pass, snap
from fmagc.demo.synth import Synth
from fmagc.demo.voices import DRUMS, Voice

__all__ = ["render"]

_COMBS_S = ((0.0297, 0.0371, 0.0411, 0.0437), (0.0303, 0.0365, 0.0419, 0.0431))  # left and right: a wide room
_ECHO = 0.78  # what a comb keeps at each turn
_HOT = 0.4  # RMS of a mix that is pushed into the limits of 16 bits, as many are
_HEADROOM = 0.85  # peak of the others


def render(artist: Artist, *, track_id: int, sr: int, channels: int, seconds: float, hot: bool) -> NDArray[np.int16]:
    """Synthesise a track.

    Parameters
    ----------
    artist : Artist
    track_id : int
        Seeds the arrangement and the noise.
    sr : int
        Sampling rate in Hz.
    channels : int
        1 or 2.
    seconds : float
    hot : bool
        Loud enough to be cut off at full scale: its MP3 decodes above 1.0.

    Returns
    -------
    (seconds * sr, channels) int16
    """
    samples = round(seconds * sr)
    dice = Dice(3, track_id)
    synth = Synth(dice.rng, sr=sr)
    left, right = _stage(artist, arrange(artist, seconds=seconds, seed=track_id), synth, samples)
    sides = [left, right] if channels == 2 else [0.5 * (left + right)]
    wet = [_room(side, artist, sr=sr, delays_s=delays_s) for side, delays_s in zip(sides, _COMBS_S, strict=False)]
    mix = np.stack(wet, axis=1)
    mix = mix / _rms(mix)
    mix += artist.texture * _tape(dice, samples, sr=sr)[:, np.newaxis]
    fade = round(0.01 * sr)
    mix[:fade] *= (np.arange(fade) / fade)[:, np.newaxis]
    mix[samples - fade :] *= (np.arange(fade, 0, -1) / fade)[:, np.newaxis]
    gain = _HOT if hot else min(artist.loudness, _HEADROOM / float(np.max(np.abs(mix))))
    return np.asarray(np.clip(np.rint(mix * float(snap(gain, bits=16)) * 32767.0), -32768, 32767).astype(np.int16))


def _stage(artist: Artist, parts: Arrangement, synth: Synth, samples: int) -> tuple[Signal, Signal]:
    """Place the four parts between left and right."""
    drums = _strokes(parts.drums, artist, synth, samples) * artist.drum_level
    bass = _notes(parts.bass, artist.bass_voice, synth, samples) * artist.bass_level
    chords = _notes(parts.chords, artist.chord_voice, synth, samples) * artist.chord_level
    lead = _notes(parts.lead, artist.lead_voice, synth, samples) * artist.lead_level
    near, far = 1.0 + artist.pan, 1.0 - artist.pan
    middle = drums + bass
    return middle + near * chords + far * lead, middle + far * chords + near * lead


def _notes(notes: list[Note], voice: Voice, synth: Synth, samples: int) -> Signal:
    """Render a part and bring it to 1 RMS (silence stays silence)."""
    part = np.zeros(samples)
    for note in notes:
        _put(part, synth.note(voice, pitch=note.pitch, seconds=note.seconds), note.start_s, note.velocity, synth.sr)
    part /= _rms(part)
    if voice.drive:
        part = voice.drive * part
        part = part / (1.0 + np.abs(part))  # a clipper of rational numbers: the same everywhere, unlike tanh
        part /= _rms(part)
    return part


def _strokes(strokes: list[Stroke], artist: Artist, synth: Synth, samples: int) -> Signal:
    part = np.zeros(samples)
    for stroke in strokes:
        sound = synth.stroke(DRUMS[stroke.drum], tune=artist.drum_tune)
        _put(part, sound, stroke.start_s, stroke.velocity, synth.sr)
    return np.asarray(part / _rms(part))


def _put(part: Signal, sound: Signal, start_s: float, velocity: float, sr: int) -> None:
    start = round(start_s * sr)
    here = part[start : start + len(sound)]
    here += velocity * sound[: len(here)]


def _room(side: Signal, artist: Artist, *, sr: int, delays_s: tuple[float, ...]) -> Signal:
    """Add echoes (Schroeder's four combs and an all-pass) and set the brightness of one side of the mix."""
    echoes = np.zeros(len(side))
    for delay_s in delays_s:
        echoes += comb(side, delay=round(delay_s * artist.room * sr), gain=_ECHO)
    echoes = diffuse(echoes, delay=round(0.005 * artist.room * sr))
    echoes = low_pass(echoes, cutoff_hz=4000.0, sr=sr)  # walls swallow the treble first
    wet = (1.0 - artist.reverb) * side + 0.5 * artist.reverb * echoes
    return low_pass(wet, cutoff_hz=artist.brightness_hz, sr=sr)


def _tape(dice: Dice, samples: int, *, sr: int) -> Signal:
    """Return hiss with a crackle some ten times a second, about 1 RMS."""
    noise = 2.0 * dice.rng.random(samples) - 1.0
    clicks = np.where(dice.rng.random(samples) < 10.0 / sr, 40.0, 0.0)
    return low_pass(noise * (1.0 + clicks), cutoff_hz=6000.0, sr=sr) * 3.0


def _rms(x: Signal) -> float:
    """Return the RMS on a coarse grid: how NumPy orders the sum may not matter. Silence gives 1."""
    return float(snap(np.sqrt(np.mean(x * x)), bits=20)) or 1.0
