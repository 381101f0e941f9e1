"""Devices, precision and the distributed process group."""
