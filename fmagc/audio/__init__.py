"""Audio decoding, validation and log-mel spectrograms; independent of labels."""
