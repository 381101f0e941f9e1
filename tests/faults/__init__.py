"""Faults put into the real thing: files, processes, disks. A test removes what a promise rests on, not only its guard."""
