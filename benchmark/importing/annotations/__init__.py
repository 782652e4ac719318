"""Readers of the annotation forms, told apart by looking."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmark.importing.annotations import avenue, json_form, shanghaitech, ucf_crime, xd_violence
from benchmark.importing.annotations.annotated import AnnotatedVideo, Annotations, Interval
from benchmark.importing.annotations.forms import find_annotations
from benchmark.importing.annotations.frame_counts import find_frame_counts
from benchmark.importing.feature_files.layouts import FeatureFolder
from benchmark.terms import Benchmark

__all__ = [
    "AnnotatedVideo",
    "Annotations",
    "Interval",
    "find_annotations",
    "find_frame_counts",
    "read_annotations",
]


def read_annotations(
    path: Path,
    features: FeatureFolder,
    lists: Sequence[Path] = (),
    benchmark: Benchmark = "other",
    split_seed: int = 0,
) -> Annotations:
    """Read the annotations at `path`, whatever their form.

    Parameters
    ----------
    path
        The main file of a form, or a folder that holds, itself or in its sub-folders, the files of one form.
    features
        The features that they belong to; the XD-Violence form may take the split from their folders.
    lists
        Lists of the training and the test videos' feature files, which give the split of the XD-Violence form and
        stand in for `Anomaly_Train.txt` of the UCF-Crime form.
    benchmark
        Decides where a folder holds several forms.
    split_seed
        Seed of the split of Avenue, which has no official one.

    Raises
    ------
    InputError
        If no form is recognised, or more than one; a file is missing or malformed; or the annotations
        contradict themselves. The message names the file and line, or the video.
    """
    form, main = find_annotations(path, benchmark)
    match form:
        case "UCF-Crime":
            return ucf_crime.read(main, lists)
        case "XD-Violence":
            return xd_violence.read(main, features, lists)
        case "ShanghaiTech":
            return shanghaitech.read(main)
        case "Avenue":
            return avenue.read(main, split_seed)
        case "JSON":
            return json_form.read(main)
