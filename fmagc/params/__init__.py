"""params.yaml as typed settings, a module for each part of the line, so that a stage depends on its own part alone."""
