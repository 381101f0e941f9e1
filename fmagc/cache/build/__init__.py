"""Writers of the two caches: waveforms from audio files, log-mel spectrograms from waveforms."""
