"""Training: clips from the cache, augmentation, the loop."""
