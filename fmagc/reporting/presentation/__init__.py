"""Words and pictures of results that depend on the task, a class for each task."""
