"""The corpus: FMA's tables and layout, the demo, splits."""
