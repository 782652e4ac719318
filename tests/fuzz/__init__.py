"""Hostile files for every reader, and ways in which people write what they mean. `python -m tests.fuzz` tries more."""
