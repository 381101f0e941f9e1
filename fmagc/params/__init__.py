"""params.yaml as typed settings, a module for each part of the pipeline."""
