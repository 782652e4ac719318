"""Layers, losses, ways of scoring and of refusing settings that several methods share.

Layers and losses are batched, and each is tested against a plain loop.

Not in it: what one method alone uses.
"""
