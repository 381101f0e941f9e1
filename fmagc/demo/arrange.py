"""Composition of a track: notes and drum strokes in an artist's manner."""

from dataclasses import dataclass, field

from fmagc.demo.artists import Artist, Dice
from fmagc.demo.rules import Pattern

__all__ = ["Arrangement", "Note", "Stroke", "arrange"]

_STEPS = 4  # sixteenths a beat
_MOTIF_BARS = 2  # the melody is a motif of two bars, repeated with changes


@dataclass(frozen=True)
class Note:
    """A tone: start and length in seconds, pitch in MIDI numbers, loudness 0..1."""

    start_s: float
    seconds: float
    pitch: float
    velocity: float


@dataclass(frozen=True)
class Stroke:
    """A drum stroke."""

    start_s: float
    drum: str
    velocity: float


@dataclass
class Arrangement:
    """The parts of a track."""

    bass: list[Note] = field(default_factory=list)
    chords: list[Note] = field(default_factory=list)
    lead: list[Note] = field(default_factory=list)
    drums: list[Stroke] = field(default_factory=list)


def arrange(artist: Artist, *, seconds: float, seed: int) -> Arrangement:
    """Compose a track that starts and ends in the middle of the music, as FMA's clips do.

    Parameters
    ----------
    artist : Artist
    seconds : float
        How long it lasts.
    seed : int
        The track's number.
    """
    dice = Dice(2, seed)
    writer = _Writer(artist, dice, tempo=artist.tempo * dice.uniform(0.96, 1.04), seconds=seconds)
    progression = dice.pick(artist.progressions)
    pattern = dice.pick(artist.patterns)
    motif = [writer.motif_bar() for _ in range(_MOTIF_BARS)]
    place = int(dice.uniform(0, len(progression)))
    start = -dice.uniform(0.0, writer.bar_s)
    bar = 0
    while start < seconds:
        degree = progression[(place + bar) % len(progression)]
        writer.drums(start, pattern)
        writer.bass(start, degree)
        writer.chords(start, degree)
        writer.lead(start, degree, motif[bar % _MOTIF_BARS])
        start += writer.bar_s
        bar += 1
    return writer.arrangement


class _Writer:
    """Writes an arrangement bar by bar, without notes that would start before 0 or after the end."""

    def __init__(self, artist: Artist, dice: Dice, *, tempo: float, seconds: float) -> None:
        self.artist, self.dice, self.seconds = artist, dice, seconds
        self.step_s = 60.0 / tempo / _STEPS
        self.steps = artist.beats * _STEPS
        self.bar_s = self.steps * self.step_s
        self.arrangement = Arrangement()
        self._lead_root = 60 + artist.key - (12 if artist.key > 5 else 0) + 12 * (len(artist.patterns[0]) == 0)

    def pitch(self, degree: int, root: float) -> float:
        """Return the pitch of a degree of the scale above a root."""
        octave, step = divmod(degree, len(self.artist.scale))
        return root + 12 * octave + self.artist.scale[step]

    def when(self, start: float, step: float) -> float:
        """Return the start of a sixteenth of a bar in seconds, with swing and a little jitter."""
        late = self.artist.swing if int(step) % 2 else 0.0
        return start + (step + late) * self.step_s + self.dice.uniform(0.0, 0.006)

    def drums(self, start: float, pattern: Pattern) -> None:
        """Write a bar of drums; the pattern is cut or repeated to the length of the bar."""
        for drum, strokes in pattern:
            for step in range(self.steps):
                mark = strokes[step % len(strokes)]
                if mark == "." or (mark == "?" and not self.dice.chance(0.4)):
                    continue
                time = self.when(start, step)
                velocity = (0.5 if mark == "o" else 0.9) * self.dice.uniform(0.85, 1.1)
                if 0 <= time < self.seconds:
                    self.arrangement.drums.append(Stroke(time, drum, velocity))

    def bass(self, start: float, degree: int) -> None:
        """Write a bar of bass."""
        root = self.pitch(degree, 36 + self.artist.key - (12 if self.artist.key > 6 else 0))
        line = {
            "eighths": [(step, 1.7, 0) for step in range(0, self.steps, 2)],
            "offbeat": [(step, 1.6, 0) for step in range(2, self.steps, 4)],
            "roots": [(0, 6.0, 0), (8, 3.5, 7 if self.dice.chance(0.6) else 0)],
            "held": [(0, self.steps - 0.5, 0)],
        }[self.artist.bass_line]
        for step, length, above in line:
            self._add(self.arrangement.bass, start, step, length, root + above, 0.9)

    def chords(self, start: float, degree: int) -> None:
        """Write a bar of accompaniment in the artist's manner."""
        root = 48 + self.artist.key - (12 if self.artist.key > 6 else 0)
        tones = [self.pitch(degree + third, root) for third in (0, 2, 4)]
        if self.artist.comping == "power":
            tones = [tones[0] - 12, tones[0] - 5, tones[0]]
        steps = self.steps
        manner: dict[str, list[tuple[int, float]]] = {
            "pad": [(0, steps - 0.2)],
            "drone": [(0, steps + 1.0)],
            "strum": [(step, 3.0) for step in range(0, steps, 4)] + [(step, 1.8) for step in range(6, steps, 8)],
            "stab": [(step, 1.2) for step in range(2, steps, 4 if self.artist.beats == 4 else 6)],
            "power": [(step, 1.8) for step in range(0, steps, 2)],
        }
        if self.artist.comping == "arpeggio":
            stride = 1 if self.artist.tempo < 100 else 2
            ladder = [*tones, tones[0] + 12, tones[2], tones[1]]
            for count, step in enumerate(range(0, steps, stride)):
                self._add(self.arrangement.chords, start, step, stride * 1.5, ladder[count % len(ladder)], 0.8)
            return
        if self.artist.comping == "drone":
            tones = [root, root + 7, tones[0] + 12]
        for step, length in manner[self.artist.comping]:
            accent = self.dice.uniform(0.6, 0.9)
            for order, tone in enumerate(tones):
                late = 0.12 * order if self.artist.comping == "strum" else 0.0  # a hand crosses the strings
                self._add(self.arrangement.chords, start, step + late, length, tone, accent)

    def motif_bar(self) -> list[tuple[int, float, int]]:
        """Compose a bar of melody: (step, length in steps, degree above the chord's root)."""
        wanted = self.artist.density * self.artist.beats / self.steps
        notes, degree = [], int(self.dice.uniform(0, 5))
        onsets = [s for s in range(self.steps) if self.dice.chance(wanted * (1.8 if s % 4 == 0 else 0.75))] or [0]
        for step, following in zip(onsets, [*onsets[1:], self.steps], strict=True):
            degree += int(self.dice.uniform(-2.5, 3.5))
            degree = min(max(degree, -2), 8)
            notes.append((step, min(following - step, 8) * 0.95, degree))
        return notes

    def lead(self, start: float, degree: int, motif: list[tuple[int, float, int]]) -> None:
        """Write a bar of melody: the motif over the bar's chord, with single notes changed at random."""
        for step, length, above in motif:
            change = self.dice.pick((0, 0, 0, 0, 1, -1))
            tone = self.pitch(degree % len(self.artist.scale) // 2 + above + change, self._lead_root)
            self._add(self.arrangement.lead, start, step, length, tone, self.dice.uniform(0.6, 1.0))

    def _add(self, part: list[Note], start: float, step: float, length: float, pitch: float, velocity: float) -> None:
        time = self.when(start, step)
        if 0 <= time < self.seconds:
            part.append(Note(time, length * self.step_s, pitch, velocity))
