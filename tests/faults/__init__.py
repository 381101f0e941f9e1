"""Faults put into the real thing: files, processes, disks. Each test removes a promise's cause, not only its guard."""
