"""How work is run and finished: files, locks, artifacts, worker processes, exit statuses."""
