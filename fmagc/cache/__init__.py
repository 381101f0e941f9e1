"""The cache: shards, their manifest, the ledger, statistics of the training set."""
