"""Training: random clips, augmentation, the loop, checkpoints."""
