"""Offline feature cache and training DAG for music genre classification on the Free Music Archive."""

__version__ = "0.1.0"
