"""How sure a number is: over seeds, over resampled videos, by class and by video.

In it: arithmetic on metrics. Not in it: a store, a table, or a sentence about the result.
"""
