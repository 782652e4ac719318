"""Annotation forms of the benchmarks and one of ours: found, told apart by looking, and read into one shape.

In it: a module per form, and frame counts, which lie beside them. Not in it: features, but for the split that their
folders or lists give, or whether features fit.
"""

from benchmark.importing.annotations.annotated import AnnotatedVideo, Annotations, Interval
from benchmark.importing.annotations.forms import find_annotations, read_annotations
from benchmark.importing.annotations.frame_counts import find_frame_counts, note_on_counts

__all__ = [
    "AnnotatedVideo",
    "Annotations",
    "Interval",
    "find_annotations",
    "find_frame_counts",
    "note_on_counts",
    "read_annotations",
]
