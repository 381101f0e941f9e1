"""Faults put into the real thing: files, processes, disks.

Each test removes the cause of a promise, not only its guard.
"""
