"""From the bytes of one MP3 to a waveform, and from a waveform to a log-mel spectrogram; knows nothing of labels."""
