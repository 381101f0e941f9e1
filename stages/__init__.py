"""One thin script a stage of dvc.yaml."""
