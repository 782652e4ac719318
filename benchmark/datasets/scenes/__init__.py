"""The scenes: simulated datasets, in which abnormal is a relation of context and motion."""

from benchmark.datasets.scenes.build import SCENES, ensure_scenes, make_scenes, write_scenes

__all__ = ["SCENES", "ensure_scenes", "make_scenes", "write_scenes"]
