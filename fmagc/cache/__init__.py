"""The feature cache: shards, manifest, ledger, readers and normalisation."""
