"""Many different MP3s out of few: short clips are encoded once, and their frames are strung together.

A frame of layer III may begin its data in the frames before it (the bit reservoir), so that frames can be taken off
the end of a stream but not off its beginning. Each clip is therefore an encoding of its own, whose first frame needs
nothing before it: a file strings clips together and breaks off the last of them.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from fmagc.audio.mpeg_frames import scan
from fmagc.audio.tags import end_of_leading_tags
from fmagc.demo.artists import draw_artist
from fmagc.demo.catalogue import Demo
from fmagc.demo.mix import render
from tests.support.audio_files import mp3

__all__ = ["Clip", "Kind", "encode_clip", "splice"]

CLIP_S = 4.0


@dataclass(frozen=True)
class Kind:
    """A form of MP3; a file is of one kind throughout, with a constant bit rate as most of FMA's have."""

    sr: int
    channels: int
    kbps: int

    @property
    def samples_per_frame(self) -> int:
        return 1152 if self.mpeg1 else 576

    @property
    def mpeg1(self) -> bool:
        return self.sr >= 32000

    @property
    def level(self) -> float:
        """The place of this bit rate between the version's highest, 0, and its lowest, 1, as libsndfile takes it."""
        highest, lowest = (320, 32) if self.mpeg1 else (160, 8)
        return (highest - self.kbps) / (highest - lowest)

    def frame_bytes(self, header: bytes) -> int:
        """Return the length of a frame; the header says whether it is one byte longer than the least."""
        return self.samples_per_frame // 8 * 1000 * self.kbps // self.sr + (header[2] >> 1 & 1)


@dataclass(frozen=True)
class Clip:
    """The audio frames of one encoding."""

    kind: Kind
    frames: tuple[bytes, ...]


def encode_clip(kind: Kind, music: Demo) -> Clip:
    """Encode some seconds of a track of the demo."""
    artist = draw_artist(music.act.rules, seed=music.act.artist_id)
    y = render(artist, track_id=music.track_id, sr=kind.sr, channels=kind.channels, seconds=CLIP_S, hot=music.act.hot)
    data = mp3(y / 32768, sr=kind.sr, level=kind.level)
    frames = list(_frames(data, kind))[1:]  # without the header frame
    told = scan(data)
    assert told is not None
    assert told.header_frame
    assert (told.frames, told.skipped_bytes) == (len(frames), 0), f"LAME's frames are not those of {kind}"
    return Clip(kind, tuple(frames))


def splice(clips: Sequence[Clip], *, n_frames: int, info: bool, seed: int) -> bytes:
    """String clips of one kind together, in an order that the seed decides, to a file of so many audio frames.

    With `info` it begins with an Info header, as a file does that ffmpeg has cut.
    """
    shuffled = random.Random(seed)
    order = iter(lambda: shuffled.choice(clips).frames, None)
    frames = list(islice(chain.from_iterable(order), n_frames))
    header_frame = _info_frame(clips[0].kind, frames[0], n_frames) if info else b""
    return header_frame + b"".join(frames)


def _frames(data: bytes, kind: Kind) -> Iterator[bytes]:
    position = end_of_leading_tags(data)
    while position < len(data):
        end = position + kind.frame_bytes(data[position : position + 4])
        yield data[position:end]
        position = end


def _info_frame(kind: Kind, like: bytes, n_frames: int) -> bytes:
    """Make a frame without audio that says how many follow."""
    side_information = {True: (17, 32), False: (9, 17)}[kind.mpeg1][kind.channels - 1]
    said = like[:4] + bytes(side_information) + b"Info" + (1).to_bytes(4) + n_frames.to_bytes(4)
    return said + bytes(len(like) - len(said))
