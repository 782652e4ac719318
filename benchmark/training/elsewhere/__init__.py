"""Runs that were trained elsewhere: their weights, or the scores that they gave."""
