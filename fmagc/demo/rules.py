"""The demo's eight genres, as one row of musical rules each.

The rules are caricatures, made to be told apart by a small network and to overlap at the edges: `neighbour` is the
genre from which an artist may borrow. Results on them say nothing about music.
"""

from dataclasses import dataclass

__all__ = ["GENRES", "SCALES", "GenreRules", "Pattern"]

Pattern = tuple[tuple[str, str], ...]  # (drum, strokes on the sixteenths of a bar): x loud, o soft, ? now and then

SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "blues": (0, 3, 5, 6, 7, 10),
    "phrygian_dominant": (0, 1, 4, 5, 7, 8, 10),
    "pentatonic": (0, 2, 4, 7, 9),
    "hirajoshi": (0, 2, 3, 7, 8),
    "whole_tone": (0, 2, 4, 6, 8, 10),
    "octatonic": (0, 1, 3, 4, 6, 7, 9, 10),
}


@dataclass(frozen=True)
class GenreRules:
    """The choices of a genre's artists: a pair of numbers is a range, any other tuple a list to choose from.

    Levels are relative amplitudes; `brightness_hz` is the corner of a gentle low-pass over the whole mix.
    """

    title: str
    genre_id: int  # FMA's own
    neighbour: str
    tempo: tuple[float, float]  # beats a minute
    beats: tuple[int, ...]  # in a bar
    swing: tuple[float, float]  # how late the second of two sixteenths comes, in sixteenths
    scales: tuple[str, ...]
    progressions: tuple[tuple[int, ...], ...]  # degrees of the scale, one a bar
    comping: tuple[str, ...]  # pad, strum, arpeggio, stab, power, drone
    bass_line: tuple[str, ...]  # eighths, offbeat, roots, walk, held
    chord_voices: tuple[str, ...]
    bass_voices: tuple[str, ...]
    lead_voices: tuple[str, ...]
    density: tuple[float, float]  # melody notes a beat
    patterns: tuple[Pattern, ...]
    drum_level: float
    bass_level: float
    chord_level: float
    lead_level: float
    brightness_hz: tuple[float, float]
    reverb: tuple[float, float]  # share of the echoes in the mix
    texture: float  # hiss and crackle of tape and vinyl, relative amplitude


GENRES = (
    GenreRules(
        title="Electronic", genre_id=15, neighbour="Pop",
        tempo=(118, 134), beats=(4,), swing=(0, 0.05),
        scales=("minor", "dorian"), progressions=((0, 0, 5, 6), (0, 0, 0, 0), (0, 5, 3, 6)),
        comping=("arpeggio", "stab"), bass_line=("offbeat", "eighths"),
        chord_voices=("pluck", "saw", "square"), bass_voices=("synth_bass",), lead_voices=("square", "saw", "pluck"),
        density=(0.3, 1.0),
        patterns=(
            (("kick", "x...x...x...x..."), ("open_hat", "..x...x...x...x."), ("clap", "....x.......x...")),
            (("kick", "x...x...x...x.?."), ("hat", "ooxoooxoooxoooxo"), ("clap", "....x.......x..?")),
        ),
        drum_level=1.1, bass_level=0.9, chord_level=0.6, lead_level=0.4,
        brightness_hz=(9000, 16000), reverb=(0.05, 0.2), texture=0.0,
    ),
    GenreRules(
        title="Experimental", genre_id=38, neighbour="Instrumental",
        tempo=(50, 100), beats=(5, 7), swing=(0, 0.4),
        scales=("whole_tone", "octatonic"), progressions=((0, 1, 4, 3), (0, 3), (0,)),
        comping=("drone", "pad"), bass_line=("held",),
        chord_voices=("gong", "glass", "saw_pad"), bass_voices=("gong", "sub_bass"), lead_voices=("bell", "glass"),
        density=(0.3, 1.2),
        patterns=(
            (("scrape", "?.......?...?..."), ("tom", "..?....?......?.")),
            (("scrape", "x.........?....."), ("shaker", "?.?...??....?..?")),
            (),
        ),
        drum_level=0.6, bass_level=0.6, chord_level=0.9, lead_level=0.7,
        brightness_hz=(3000, 12000), reverb=(0.3, 0.6), texture=0.02,
    ),
    GenreRules(
        title="Folk", genre_id=17, neighbour="International",
        tempo=(84, 124), beats=(3, 4), swing=(0, 0.2),
        scales=("major", "mixolydian"), progressions=((0, 3, 0, 4), (0, 4, 5, 3), (0, 6, 3, 0)),
        comping=("arpeggio", "strum"), bass_line=("roots",),
        chord_voices=("guitar",), bass_voices=("bass",), lead_voices=("flute", "voice"),
        density=(0.8, 1.6),
        patterns=(
            (),
            (("brush", "....x.......x..."), ("soft_kick", "o.......o.......")),
            (("shaker", "x.o.x.o.x.o.x.o."),),
        ),
        drum_level=0.35, bass_level=0.4, chord_level=0.9, lead_level=0.6,
        brightness_hz=(4500, 9000), reverb=(0.05, 0.25), texture=0.004,
    ),
    GenreRules(
        title="Hip-Hop", genre_id=21, neighbour="Electronic",
        tempo=(78, 98), beats=(4,), swing=(0.2, 0.5),
        scales=("minor", "dorian", "blues"), progressions=((0, 5), (0, 3, 0, 4), (0, 0)),
        comping=("stab", "pad"), bass_line=("held", "roots"),
        chord_voices=("electric_piano", "piano"), bass_voices=("sub_bass",),
        lead_voices=("electric_piano", "flute", "voice"),
        density=(0.2, 0.8),
        patterns=(
            (("boom", "x......x..x....."), ("dusty_snare", "....x.......x..?"), ("dusty_hat", "x.o.x.o.x.o.x.oo")),
            (("boom", "x.x.......x..?.."), ("dusty_snare", "....x.......x..."), ("dusty_hat", "xoxoxoxoxoxoxoxo")),
        ),
        drum_level=1.2, bass_level=1.1, chord_level=0.5, lead_level=0.3,
        brightness_hz=(3000, 8000), reverb=(0.02, 0.12), texture=0.02,
    ),
    GenreRules(
        title="Instrumental", genre_id=1235, neighbour="Folk",
        tempo=(60, 100), beats=(4, 3), swing=(0, 0.1),
        scales=("minor", "major"), progressions=((0, 5, 2, 6), (0, 3, 4, 0), (0, 4, 5, 2)),
        comping=("pad", "arpeggio"), bass_line=("held", "roots"),
        chord_voices=("strings", "piano"), bass_voices=("strings", "bass"), lead_voices=("piano", "strings", "bell"),
        density=(0.5, 1.2),
        patterns=((), (), (("soft_kick", "o.......o......."), ("ride", "o...o...o...o..."))),
        drum_level=0.4, bass_level=0.5, chord_level=0.9, lead_level=0.7,
        brightness_hz=(3500, 9000), reverb=(0.2, 0.45), texture=0.001,
    ),
    GenreRules(
        title="International", genre_id=2, neighbour="Folk",
        tempo=(92, 132), beats=(4,), swing=(0, 0.25),
        scales=("phrygian_dominant", "hirajoshi", "pentatonic"),
        progressions=((0, 0, 1, 0), (0, 0, 0, 3), (0, 3, 1, 0)),
        comping=("drone", "arpeggio"), bass_line=("roots",),
        chord_voices=("sitar",), bass_voices=("bass",), lead_voices=("reed", "sitar", "voice"),
        density=(1.4, 2.6),
        patterns=(
            (("low_conga", "x..x..x.x..x..x."), ("high_conga", "..x..o.xo.x..o.x"), ("shaker", "o.o.o.o.o.o.o.o.")),
            (("tabla", "x.oox.o.x.oxo.oo"), ("low_conga", "x.....x...x.....")),
            (("high_conga", "x.xx.x.xx.xx.x.x"), ("tom", "x.....x.x.....x.")),
        ),
        drum_level=0.9, bass_level=0.4, chord_level=0.6, lead_level=0.8,
        brightness_hz=(6000, 12000), reverb=(0.05, 0.25), texture=0.003,
    ),
    GenreRules(
        title="Pop", genre_id=10, neighbour="Electronic",
        tempo=(96, 124), beats=(4,), swing=(0, 0.1),
        scales=("major",), progressions=((0, 4, 5, 3), (5, 3, 0, 4), (0, 5, 3, 4)),
        comping=("strum", "pad", "stab"), bass_line=("eighths", "roots"),
        chord_voices=("piano", "saw_pad", "guitar"), bass_voices=("bass", "synth_bass"), lead_voices=("voice",),
        density=(1.0, 2.0),
        patterns=(
            (("kick", "x.....x.x......."), ("snare", "....x.......x..."), ("hat", "x.o.x.o.x.o.x.o.")),
            (("kick", "x...x...x...x..."), ("snare", "....x.......x..."), ("shaker", "x.o.x.o.x.o.x.o.")),
        ),
        drum_level=0.8, bass_level=0.6, chord_level=0.6, lead_level=0.9,
        brightness_hz=(8000, 16000), reverb=(0.1, 0.25), texture=0.0,
    ),
    GenreRules(
        title="Rock", genre_id=12, neighbour="Pop",
        tempo=(112, 156), beats=(4,), swing=(0, 0.1),
        scales=("blues", "mixolydian", "minor"), progressions=((0, 0, 3, 4), (0, 2, 3, 0), (0, 5, 3, 4)),
        comping=("power",), bass_line=("eighths",),
        chord_voices=("fuzz", "crunch"), bass_voices=("pick_bass",), lead_voices=("crunch", "voice", "fuzz"),
        density=(0.5, 1.6),
        patterns=(
            (("kick", "x.....x.x.x....."), ("snare", "....x.......x..."), ("crash", "x.......?.......")),
            (("kick", "x..x..x.x..x...."), ("snare", "....x.......x..?"), ("open_hat", "x.x.x.x.x.x.x.x.")),
        ),
        drum_level=0.9, bass_level=0.6, chord_level=0.9, lead_level=0.5,
        brightness_hz=(5000, 10000), reverb=(0.05, 0.2), texture=0.003,
    ),
)  # fmt: skip
