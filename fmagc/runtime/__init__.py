"""Work on several machines: a Dask cluster takes bundles of tasks."""
