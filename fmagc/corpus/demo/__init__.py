"""The demo corpus: synthesised music of eight invented genres in FMA's layout."""

from fmagc.corpus.demo.write import write_demo

__all__ = ["write_demo"]
