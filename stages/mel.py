"""Take the log-mel spectrogram of every cached waveform."""

import sys

from fmagc.console import run
from fmagc.params.signal import Mel
from fmagc.staging import Staging
from fmagc.store.cache import MELS, WAVES, Cache
from fmagc.store.mels import make_mels


def main() -> None:
    """Mel."""
    settings = Mel.load("mel")
    waves = Cache(WAVES, "waves", made_by="decode")
    with Staging("mel") as staging:
        made, reused = make_mels(waves, settings, staging=staging, out=MELS)
    print(f"{len(waves.track_ids)} spectrograms, {made} shards made, {reused} reused")


if __name__ == "__main__":
    sys.exit(run(main))
