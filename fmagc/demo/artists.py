"""An artist: one manner of playing and producing a genre, drawn once and kept for all the artist's tracks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from fmagc.demo.rules import GENRES, SCALES, GenreRules, Pattern
from fmagc.demo.voices import VOICES, Voice

__all__ = ["Artist", "Dice", "draw_artist"]

T = TypeVar("T")
_BORROWING = 0.5  # share of the artists who take something from the neighbouring genre


class Dice:
    """Random choices made from uniform numbers alone, the part of NumPy's stream that stays the same over versions."""

    def __init__(self, *seed: int) -> None:
        self.rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))

    def uniform(self, low: float, high: float) -> float:
        """Draw a number from a range."""
        return low + (high - low) * float(self.rng.random())

    def pick(self, items: Sequence[T]) -> T:
        """Draw one of several."""
        return items[int(self.rng.random() * len(items))]

    def chance(self, probability: float) -> bool:
        """Return True with a probability."""
        return float(self.rng.random()) < probability


@dataclass(frozen=True)
class Artist:
    """The properties that all tracks of an artist share; levels are RMS relative to each other."""

    key: int  # semitones above C
    tempo: float
    beats: int
    swing: float
    scale: tuple[int, ...]
    progressions: tuple[tuple[int, ...], ...]
    comping: str
    bass_line: str
    chord_voice: Voice
    bass_voice: Voice
    lead_voice: Voice
    density: float
    patterns: tuple[Pattern, ...]
    drum_tune: float
    drum_level: float
    bass_level: float
    chord_level: float
    lead_level: float
    pan: float  # how far chords and lead lie apart, 0..1
    brightness_hz: float
    reverb: float
    room: float  # factor on the delays of the echoes
    texture: float
    loudness: float  # RMS of the finished mix, full scale 1


def draw_artist(rules: GenreRules, *, seed: int) -> Artist:
    """Draw an artist of a genre; the same seed gives the same artist."""
    dice = Dice(1, seed)
    rules = _borrow(rules, dice)

    def level(typical: float) -> float:
        return typical * dice.uniform(0.6, 1.5)

    def voice(names: tuple[str, ...]) -> Voice:
        chosen = VOICES[dice.pick(names)]
        return replace(
            chosen,
            rolloff=chosen.rolloff * dice.uniform(0.85, 1.25),
            decay_s=chosen.decay_s * dice.uniform(0.7, 1.4),
            damp_s=chosen.damp_s * dice.uniform(0.6, 1.5),
            vibrato=chosen.vibrato * dice.uniform(0.5, 1.5),
            drive=chosen.drive * dice.uniform(0.6, 1.4),
        )

    return Artist(
        key=int(dice.uniform(0, 12)),
        tempo=dice.uniform(*rules.tempo),
        beats=dice.pick(rules.beats),
        swing=dice.uniform(*rules.swing),
        scale=SCALES[dice.pick(rules.scales)],
        progressions=(dice.pick(rules.progressions), dice.pick(rules.progressions)),
        comping=dice.pick(rules.comping),
        bass_line=dice.pick(rules.bass_line),
        chord_voice=voice(rules.chord_voices),
        bass_voice=voice(rules.bass_voices),
        lead_voice=voice(rules.lead_voices),
        density=dice.uniform(*rules.density),
        patterns=(dice.pick(rules.patterns), dice.pick(rules.patterns)),
        drum_tune=dice.uniform(0.8, 1.25),
        drum_level=level(rules.drum_level),
        bass_level=level(rules.bass_level),
        chord_level=level(rules.chord_level),
        lead_level=level(rules.lead_level),
        pan=dice.uniform(0.0, 0.6),
        brightness_hz=dice.uniform(*rules.brightness_hz),
        reverb=dice.uniform(*rules.reverb),
        room=dice.uniform(0.7, 1.4),
        texture=rules.texture * dice.uniform(0.2, 2.0),
        loudness=dice.uniform(0.06, 0.18),  # of no genre: how loud a clip is must not give it away
    )


def _borrow(rules: GenreRules, dice: Dice) -> GenreRules:
    """Replace one group of rules of an artist by that of the neighbouring genre, or none."""
    if not dice.chance(_BORROWING):
        return rules
    other = next(genre for genre in GENRES if genre.title == rules.neighbour)
    loans: tuple[tuple[str, ...], ...] = (
        ("patterns", "drum_level"),
        ("chord_voices", "comping"),
        ("lead_voices", "density"),
        ("brightness_hz", "reverb", "texture"),
        ("tempo", "scales", "progressions"),
    )
    return replace(rules, **{field: getattr(other, field) for field in dice.pick(loans)})
