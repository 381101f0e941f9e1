"""Tests of what is built from the project and handed on."""
