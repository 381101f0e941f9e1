"""The paths of the Free Music Archive dataset: its tables and its tracks' files."""

__all__ = ["METADATA", "track_file"]

METADATA = ("fma_metadata/tracks.csv", "fma_metadata/genres.csv")


def track_file(track_id: int) -> str:
    """Return the path of a track below the audio folder, for instance 000/000002.mp3."""
    number = f"{track_id:06d}"
    return f"{number[:3]}/{number}.mp3"
