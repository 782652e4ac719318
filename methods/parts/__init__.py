"""Layers, losses and ways of scoring that several methods share: batched, and each tested against a plain loop.

Not in it: what one method alone uses.
"""
