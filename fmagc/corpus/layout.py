"""Where a corpus lies: FMA's layout below data/raw."""

from pathlib import Path

__all__ = ["AUDIO_SUFFIXES", "AUDIT", "CLEANING", "FIRST_HASHED_ID", "MANIFEST", "METADATA", "RAW", "track_file"]

RAW = Path("data/raw")  # one shelf a corpus: data/raw/<name>/<name>/000/000002.mp3
MANIFEST = Path("data/raw.json")  # what the stage fetch saw there
AUDIT = Path("metrics/split.json")  # what the stage index counted in the splits
CLEANING = Path("metrics/cleaning.json")  # what the stage explore counted of them when all was decoded
METADATA = ("fma_metadata/tracks.csv", "fma_metadata/genres.csv")

# What is taken for music by its name: MP3, and what libsndfile reads.
AUDIO_SUFFIXES = (".mp3", ".wav", ".flac", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".au")

# FMA's ids are below a million. On a shelf of one's own an id is a hash of the path, and has nine digits.
FIRST_HASHED_ID = 100_000_000


def track_file(track_id: int) -> str:
    """Return the path of a track below the audio folder, for instance 000/000002.mp3."""
    number = f"{track_id:06d}"
    return f"{number[:3]}/{number}.mp3"
