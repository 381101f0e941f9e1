"""Figures with matplotlib: arrays and tables in, a Figure out; nothing here reads a file of the project."""
