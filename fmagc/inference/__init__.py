"""Using what was trained: genres of files that no corpus knows."""
