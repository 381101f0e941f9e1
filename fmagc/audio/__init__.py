"""One audio file to a waveform, and a waveform to a log-mel spectrogram."""
