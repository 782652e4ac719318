"""Layers and losses that several methods share: pure, batched, and each tested against a plain loop."""
