"""Every reader of files from outside, with valid files that it reads."""

import io
import json
import pickle
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from safetensors.torch import save as save_safetensors
from scipy.io import savemat

from benchmark.datasets.feature_sets import FILE as FEATURE_SET_FILE
from benchmark.datasets.feature_sets import FeatureSet, find_feature_set
from benchmark.datasets.frames_csv import read_frame_counts
from benchmark.datasets.manifest import Manifest, Video, read_manifest
from benchmark.extraction.checkpoint import read_checkpoint
from benchmark.importing.annotations import read_annotations
from benchmark.importing.annotations.frame_counts import read_header
from benchmark.importing.annotations.matlab_masks import frames_with_pixels
from benchmark.importing.class_vectors import read_class_vectors
from benchmark.importing.feature_files.formats import open_arrays
from benchmark.importing.feature_files.lists import file_of, read_list, video_of
from benchmark.importing.ground_truth.sources import read_ground_truth
from benchmark.importing.matching import read_missing
from benchmark.runs.archive import export_archive, import_archive
from benchmark.runs.results_folder import Results
from benchmark.runs.score_files import parse_scores, write_scores
from benchmark.system.errors import InputError
from benchmark.training.elsewhere.score_files import read_scores
from benchmark.training.elsewhere.weights import read_weights
from tests.small_store import draw_scores, make_results


@dataclass(frozen=True)
class Reader:
    """A reader.

    Attributes
    ----------
    file
        Name of the file that is made hostile, below a folder of the reader's own.
    samples
        Valid contents of that file.
    read
        Reads the file, given its path.
    others
        Files beside it, which stay as they are.
    words
        Words that files of the format are made of.
    """

    name: str
    file: str
    samples: tuple[bytes, ...]
    read: Callable[[Path], object]
    others: Mapping[str, bytes] = field(default_factory=dict)
    words: tuple[str, ...] = ()


def read_arrays(path: Path) -> list[tuple[int, ...]]:
    """Read a feature file to the end, as the import does, and check that it is what it says it is."""
    shapes = []
    for array in open_arrays(path):
        rows = 0
        for block in array.blocks(7):
            assert block.dtype.kind in "fiub"
            assert len(block) <= 7
            assert block.shape[1:] == array.shape[1:]
            rows += len(block)
        assert rows == array.shape[0] or 0 in array.shape
        shapes.append(array.shape)
    return shapes


_FEATURES = np.arange(5 * 3 * 4, dtype=np.float32).reshape(5, 3, 4)


def _npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def _npz(save: Callable[..., None]) -> bytes:
    file = io.BytesIO()
    save(file, features=_FEATURES, fps=25.0)
    return file.getvalue()


def _words(save: Callable[..., None]) -> bytes:
    file = io.BytesIO()
    save(file, normal=_FEATURES[0, 0], Fall=_FEATURES[1, 1], more=1.0)
    return file.getvalue()


def objects(items: list[Any]) -> np.ndarray[Any, Any]:
    """Return an object array with one item per row."""
    array = np.empty(len(items), dtype=object)
    for i, item in enumerate(items):
        array[i] = item
    return array


def _torch(content: object, legacy: bool = False) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=not legacy)
    return file.getvalue()


def _hdf5(**options: object) -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w") as archive:
        archive.create_dataset("train/a", data=_FEATURES, **options)
        archive.create_dataset("b", data=_FEATURES)
    return file.getvalue()


_TENSOR = torch.from_numpy(_FEATURES)
_PICKLED = (
    objects(list(_FEATURES)),
    objects(list(_FEATURES.astype(np.float16))),
    objects(list(_TENSOR)),
    objects([list(_TENSOR[:2]), list(_TENSOR[2:4])]),
    objects([np.float32(1.5), np.float32(2.5)]),
    objects([[1, 2.5], [True, 3]]),
    _FEATURES.astype(object),
)
_VIDEOS = (
    Video(name="a", split="train", label=1, first_row=0, rows=3, sha256="0" * 64),
    Video(name="b", split="test", label=1, first_row=3, rows=2, frames=32, intervals=((3, 9),), sha256="0" * 64),
)
_MANIFEST = Manifest(
    name="small", benchmark="other", metric="auc_frame", feature_set="small", dim=4, crops=3, videos=_VIDEOS
)
_JSON = [
    {"name": "a", "split": "train", "label": 0},
    {"name": "b", "split": "test", "label": 1, "class": "Fighting", "frames": 320, "intervals": [[16, 64]]},
]
_UCF_TRAIN = b"Abuse/Abuse001_x264.mp4\nTraining_Normal_Videos_Anomaly/Normal_Videos001_x264.mp4\n"
_UCF_TEST = b"Abuse028_x264.mp4  Abuse  165  240  -1  -1\nNormal_Videos_003_x264.mp4  Normal  -1  -1  -1  -1\n"
_XD = b"v=abc__#1_label_B1-0-0.mp4 240 336 400 480\nv=abc__#2_label_G-0-0 1 9\n"
_XD_LISTS = {
    "rgb.list": b"/old/v=def__#1_label_A__0.npy\n",
    "rgbtest.list": b"/old/v=abc__#1_label_B1-0-0__0.npy\n/old/v=abc__#2_label_G-0-0__0.npy\n",
}
_SHANGHAITECH = {
    "SH_Train.txt": b"01_001\n01_0014\n",
    "SH_Test.txt": b"02_003\n02_0128\n",
    "classes.csv": b"01_0014,running;vehicle\n02_0128,running\n",
    "test_frame_mask/01_0014.npy": _npy(np.array([0, 1, 1], np.uint8)),
    "test_frame_mask/02_0128.npy": _npy(np.array([0, 1, 1, 0, 1], np.uint8)),
}


_IDENTITY = FeatureSet(id="mine", extractor="Net", checkpoint="abc", dim=4, crops=(1,), normalisation="none")


def _mat(variables: Mapping[str, object], compressed: bool) -> bytes:
    file = io.BytesIO()
    savemat(file, variables, do_compression=compressed)
    return file.getvalue()


_MASKS = {"volLabel": objects([np.eye(4, 5, dtype=np.uint8) * i for i in range(3)])}
_MATLAB = {"opts": {"fps": 25.0}, "features": _FEATURES, "fps": 25.0}


def _entries(path: Path) -> object:
    return [(file_of(entry), video_of(entry)) for _, entry in read_list(path)]


def _annotations(path: Path) -> object:
    return read_annotations(path)


def _shanghaitech(path: Path) -> object:
    folder = path.parent.parent if path.suffix == ".npy" else path.parent
    return read_annotations(folder)


def _shanghaitech_reader(name: str, file: str) -> Reader:
    words = ("01_001", "02_0128", "02_003", "running", "normal", ";")
    others = {other: content for other, content in _SHANGHAITECH.items() if other != file}
    return Reader(name, file, (_SHANGHAITECH[file],), _shanghaitech, others, words if "npy" not in file else ())


def _archive() -> bytes:
    """A store of two small runs, as `wvad store export` writes it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.zip"
        export_archive(make_results(Path(folder), seeds=1), path, (), True, lambda done, total: None)
        return path.read_bytes()


def _import(path: Path) -> object:
    shutil.rmtree(path.parent / "there", ignore_errors=True)
    return import_archive(Results(path.parent / "there"), path, lambda done, total: None)


def _scores() -> bytes:
    write_scores(file := io.BytesIO(), draw_scores(0, 0.5))
    return file.getvalue()


def _parse(path: Path) -> object:
    scored = parse_scores(path.read_bytes())
    if scored is None:
        raise InputError(f"{path}: damaged")
    return scored


READERS = [
    Reader("npy", "a.npy", (_npy(_FEATURES), _npy(_FEATURES.T), _npy(_FEATURES > 3), _npy(_FEATURES[0])), read_arrays),
    Reader("pickled-npy", "a.npy", tuple(map(_npy, _PICKLED)), read_arrays),
    Reader("torch", "a.pt", (_torch(_TENSOR), _torch({"features": _TENSOR.bfloat16(), "fps": 30})), read_arrays),
    Reader("torch-legacy", "a.pth", (_torch(_TENSOR, True), _torch([_TENSOR.mT], True)), read_arrays),
    Reader("text", "a.txt", (b"0.5 1 2e-3 4\n1 2 3 4\n", b"1,2,3\n4,5,6"), read_arrays, words=("1e5", "nan", ".5")),
    Reader("csv", "a.csv", (b"a,b\n1,2\n3,4\n", b"1,2,3\n4,5,6"), read_arrays, words=("1e5", "nan", "a,b")),
    Reader("npz", "a.npz", (_npz(np.savez), _npz(np.savez_compressed)), read_arrays),
    Reader(
        "class-vectors",
        "words.npz",
        (_words(np.savez), _words(np.savez_compressed)),
        lambda path: read_class_vectors(path, ("normal", "fall")),
    ),
    Reader("mat", "a.mat", (_mat(_MATLAB, True), _mat(_MATLAB, False)), read_arrays),
    Reader(
        "hdf5",
        "a.h5",
        (_hdf5(), _hdf5(compression="gzip", chunks=(2, 3, 4)), _hdf5(compression="lzf", shuffle=True, fletcher32=True)),
        read_arrays,
    ),
    Reader(
        "ucf-test",
        "Temporal_Anomaly_Annotation.txt",
        (_UCF_TEST,),
        _annotations,
        {"Anomaly_Train.txt": _UCF_TRAIN},
        ("a.mp4", "Normal", "Abuse", "-1"),
    ),
    Reader(
        "ucf-train",
        "Anomaly_Train.txt",
        (_UCF_TRAIN,),
        _annotations,
        {"Temporal_Anomaly_Annotation.txt": _UCF_TEST},
        ("Abuse/a.mp4", "Normal/", "..", "."),
    ),
    Reader(
        "xd", "annotations.txt", (_XD,), _annotations, _XD_LISTS, ("v_label_B1-0-0", "v_label_A", "w_label_G", "__0")
    ),
    Reader(
        "xd-list",
        "rgb.list",
        (_XD_LISTS["rgb.list"],),
        lambda path: _annotations(path.with_name("annotations.txt")),
        {"annotations.txt": _XD, "rgbtest.list": _XD_LISTS["rgbtest.list"]},
        ("v_label_A__0.npy", "G:\\x\\v_label_G"),
    ),
    _shanghaitech_reader("shanghaitech-list", "SH_Test.txt"),
    _shanghaitech_reader("shanghaitech-classes", "classes.csv"),
    _shanghaitech_reader("shanghaitech-mask", "test_frame_mask/02_0128.npy"),
    Reader("json", "annotations.json", (json.dumps({"videos": _JSON}).encode(),), _annotations),
    Reader(
        "frames",
        "frames.csv",
        (b"video,frame_count\na.mp4,320\nb,17\n",),
        read_frame_counts,
        words=("video,frame_count", "a,16", "b", '"', "٣"),
    ),
    Reader(
        "header",
        "header.csv",
        (
            b"video_id,video_path,frame_count\n1,A/a.mp4,320\n",
            b"video_id,label,place,video_no,frame_count\n1,1,2,3,17\n",
        ),
        read_header,
        words=("video_path", "frame_count", "1,A/b.mp4,16", '"'),
    ),
    Reader(
        "list", "a.list", (b"G:\\x\\a__0.npy 1.0\n/y/b c.npy\n", b"a.npy,Abuse\n"), _entries, words=("../a", " 1", ",")
    ),
    Reader(
        "avenue",
        "1_label.mat",
        (_mat(_MASKS, True), _mat(_MASKS, False)),
        lambda path: frames_with_pixels(path, "volLabel"),
    ),
    Reader(
        "ground-truth",
        "gt.json",
        (b'{"a": {"labels": [0, 1.0, 0]}, "b": {"labels": [1]}}',),
        read_ground_truth,
    ),
    Reader("ground-truth-npy", "gt.npy", (_npy(np.array([0, 1, 1])), _npy(np.eye(1, 4))), read_ground_truth),
    Reader(
        "feature-set",
        FEATURE_SET_FILE,
        (_IDENTITY.model_dump_json().encode(),),
        lambda path: find_feature_set(None, path.parent, "a"),
    ),
    Reader(
        "missing", "missing.txt", (b"a.mp4\nb\n",), lambda path: read_missing(path, ["a", "b"]), words=("a", "../b")
    ),
    Reader(
        "manifest",
        "manifest.json",
        (_MANIFEST.model_dump_json(indent=1).encode(),),
        lambda path: read_manifest(path.parent),
    ),
    Reader(
        "scores",
        "b.txt",
        (b"0.5\n1\n", b"0.25\n" * 32),
        lambda path: read_scores(path.parent, _MANIFEST),
        words=("0.5", "1e-3", "nan", "1_0", "-0"),
    ),
    Reader(
        "scores-npy",
        "b.npy",
        (_npy(np.linspace(0, 1, 32)), _npy(np.zeros(2, np.float16))),
        lambda path: read_scores(path.parent, _MANIFEST),
    ),
    Reader(
        "weights",
        "w.pt",
        (_torch({"layer.weight": _TENSOR}), _torch({"state_dict": {"w": _TENSOR}}, True)),
        read_weights,
    ),
    Reader(
        "caffe2", "w.pkl", tuple(pickle.dumps({"blobs": {"conv1_w": _FEATURES}}, n) for n in (2, 4)), read_checkpoint
    ),
    Reader("stored-scores", "e.npz", (_scores(),), _parse),
    Reader("store", "a.zip", (_archive(),), _import),
    Reader("safetensors", "w.safetensors", (save_safetensors({"layer.weight": _TENSOR}),), read_weights),
]


def lay_out(reader: Reader, folder: Path) -> Path:
    """Write the files of a reader that stay as they are, and return the path of the one that is made hostile."""
    for file, content in reader.others.items():
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_bytes(content)
    path = folder / reader.file
    path.parent.mkdir(exist_ok=True)
    return path
