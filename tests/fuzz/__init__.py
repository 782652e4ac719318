"""Hostile files for every reader. `python -m tests.fuzz --minutes 5` tries more of them than the tests do."""
