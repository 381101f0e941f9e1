"""Faults put into real files, and the stages that meet them: one message, its exit status, nothing written."""
