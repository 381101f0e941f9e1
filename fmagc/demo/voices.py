"""The demo's instruments: two tables of the components of tones and drum strokes."""

from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["DRUMS", "VOICES", "Drum", "Voice"]


@dataclass(frozen=True)
class Voice:
    """A pitched instrument.

    Harmonic k has the strength k**-rolloff, even ones times `even`, those about number `formant` four times as much.
    A tone starts bright and darkens with the time constant `damp_s`; it fades with `decay_s`.
    """

    rolloff: float
    even: float = 1.0
    formant: float = 0.0  # a harmonic's number; 0: none
    attack_s: float = 0.005
    decay_s: float = 30.0  # 30: as good as sustained
    release_s: float = 0.05
    damp_s: float = 30.0
    vibrato: float = 0.0  # semitones
    breath: float = 0.0  # noise beside the tone
    drive: float = 0.0  # into a soft clipper
    partials: tuple[float, ...] = ()  # frequency ratios in place of harmonics: bells, gongs


@dataclass(frozen=True)
class Drum:
    """A drum: a falling tone and a burst of filtered noise, each with its own decay."""

    hz: float = 200.0
    sweep: float = 1.0  # the tone starts at sweep * hz
    tone: float = 0.0
    tone_s: float = 0.1
    noise: float = 0.0
    noise_s: float = 0.05
    low_hz: float = 200.0  # the noise lies above this
    high_hz: float = 16000.0  # and below this


_VOICES = {
    "piano": Voice(1.5, decay_s=0.7, damp_s=0.2, release_s=0.12),
    "electric_piano": Voice(2.2, even=0.5, decay_s=0.6, damp_s=0.1, release_s=0.1),
    "guitar": Voice(1.15, even=0.8, decay_s=0.45, damp_s=0.12, release_s=0.08),
    "strings": Voice(1.3, attack_s=0.12, release_s=0.25, vibrato=0.12),
    "flute": Voice(2.4, attack_s=0.06, release_s=0.1, vibrato=0.25, breath=0.12),
    "voice": Voice(1.4, formant=4.0, attack_s=0.05, release_s=0.1, vibrato=0.35, breath=0.03),
    "reed": Voice(0.8, even=0.25, formant=5.0, attack_s=0.03, release_s=0.06, vibrato=0.3),
    "sitar": Voice(0.55, formant=7.0, decay_s=0.5, damp_s=0.3, release_s=0.1),
    "saw": Voice(1.0, release_s=0.06),
    "square": Voice(1.0, even=0.05, release_s=0.05),
    "pluck": Voice(0.8, decay_s=0.14, damp_s=0.07, release_s=0.05),
    "saw_pad": Voice(1.1, attack_s=0.15, release_s=0.2, vibrato=0.06),
    "fuzz": Voice(0.9, decay_s=2.5, drive=5.0, release_s=0.05),
    "crunch": Voice(1.1, decay_s=1.2, drive=2.0, release_s=0.05),
    "bell": Voice(1.0, decay_s=0.9, release_s=0.5, partials=(1.0, 2.76, 5.4, 8.93, 13.3)),
    "gong": Voice(0.8, attack_s=0.2, decay_s=2.5, release_s=0.6, partials=(1.0, 1.47, 2.09, 2.56, 3.39, 4.8, 6.3)),
    "glass": Voice(1.2, attack_s=0.3, release_s=0.5, vibrato=0.5, partials=(1.0, 2.32, 4.25, 6.63, 9.38)),
    "sub_bass": Voice(3.0, decay_s=1.2, attack_s=0.01, release_s=0.08),
    "bass": Voice(1.6, decay_s=0.8, damp_s=0.15, release_s=0.05),
    "synth_bass": Voice(1.0, decay_s=0.35, damp_s=0.12, release_s=0.04),
    "pick_bass": Voice(1.1, decay_s=1.0, damp_s=0.3, drive=0.8, release_s=0.04),
}

_DRUMS = {
    "kick": Drum(hz=48, sweep=4.0, tone=1.0, tone_s=0.12, noise=0.15, noise_s=0.008, low_hz=1000),
    "soft_kick": Drum(hz=60, sweep=2.0, tone=0.8, tone_s=0.08, noise=0.05, noise_s=0.01, low_hz=300, high_hz=4000),
    "boom": Drum(hz=42, sweep=3.0, tone=1.2, tone_s=0.25, noise=0.1, noise_s=0.01, low_hz=500, high_hz=6000),
    "snare": Drum(hz=190, sweep=1.4, tone=0.5, tone_s=0.06, noise=0.6, noise_s=0.09, low_hz=1200),
    "dusty_snare": Drum(hz=170, sweep=1.3, tone=0.6, tone_s=0.05, noise=0.6, noise_s=0.06, low_hz=600, high_hz=5000),
    "clap": Drum(noise=0.7, noise_s=0.08, low_hz=1000, high_hz=6000),
    "brush": Drum(noise=0.25, noise_s=0.12, low_hz=1500, high_hz=8000),
    "hat": Drum(noise=0.4, noise_s=0.025, low_hz=7000),
    "open_hat": Drum(noise=0.4, noise_s=0.15, low_hz=6500),
    "dusty_hat": Drum(noise=0.35, noise_s=0.03, low_hz=3500, high_hz=8000),
    "crash": Drum(noise=0.5, noise_s=0.6, low_hz=3000),
    "ride": Drum(hz=3300, tone=0.06, tone_s=0.3, noise=0.25, noise_s=0.25, low_hz=5000),
    "shaker": Drum(noise=0.3, noise_s=0.04, low_hz=4500, high_hz=12000),
    "low_conga": Drum(hz=165, sweep=1.25, tone=0.9, tone_s=0.12, noise=0.2, noise_s=0.012, low_hz=400, high_hz=5000),
    "high_conga": Drum(hz=290, sweep=1.2, tone=0.8, tone_s=0.08, noise=0.25, noise_s=0.012, low_hz=600, high_hz=6000),
    "tabla": Drum(hz=420, sweep=0.8, tone=0.7, tone_s=0.14, noise=0.1, noise_s=0.01, low_hz=800, high_hz=6000),
    "tom": Drum(hz=95, sweep=1.5, tone=0.9, tone_s=0.16, noise=0.1, noise_s=0.03, low_hz=300, high_hz=5000),
    "scrape": Drum(hz=700, sweep=3.0, tone=0.2, tone_s=0.3, noise=0.4, noise_s=0.35, low_hz=1500, high_hz=9000),
}

VOICES = MappingProxyType(_VOICES)
DRUMS = MappingProxyType(_DRUMS)
