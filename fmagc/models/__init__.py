"""The networks: encoders, heads, their compositions, the registry, and trained models on disk."""
