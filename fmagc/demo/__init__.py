"""The demo corpus: synthesised music of eight invented genres in FMA's layout."""
