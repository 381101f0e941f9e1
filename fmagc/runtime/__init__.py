"""Run work and finish it: files, locks, artifacts, worker processes, exit statuses."""
