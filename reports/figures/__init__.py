"""Figures: each a module that gives what is drawn, its caption and its numbers, or why there is nothing to draw.

Not in it: a formula. Metrics and intervals are asked of `metrics` and `statistics`.
"""
