"""Where a corpus lies: FMA's layout below data/raw."""

from pathlib import Path

__all__ = ["AUDIT", "MANIFEST", "METADATA", "RAW", "track_file"]

RAW = Path("data/raw")  # one shelf a corpus: data/raw/<name>/<name>/000/000002.mp3
MANIFEST = Path("data/raw.json")  # what the stage fetch saw there
AUDIT = Path("metrics/split.json")  # what the stage index counted in the splits
METADATA = ("fma_metadata/tracks.csv", "fma_metadata/genres.csv")


def track_file(track_id: int) -> str:
    """Return the path of a track below the audio folder, for instance 000/000002.mp3."""
    number = f"{track_id:06d}"
    return f"{number[:3]}/{number}.mp3"
