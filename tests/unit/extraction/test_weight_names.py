"""Weights in their published forms: each name becomes one of ours, and no file runs code."""

import io
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.extraction.checkpoint import misfit, read_checkpoint
from benchmark.extraction.networks.clip_vit import CLIPImageEncoder
from benchmark.extraction.networks.i3d_inception import I3DInception
from benchmark.extraction.networks.i3d_resnet import I3DResNet50
from benchmark.extraction.published_files.blob_file import read_blobs
from benchmark.extraction.published_files.weight_names import our_names
from benchmark.system.errors import InputError
from tests.unit.extraction.test_checkpoint import Canary

NORM = {"s": "weight", "b": "bias", "rm": "running_mean", "riv": "running_var"}


def named(network: str) -> dict[str, torch.Tensor]:
    with torch.device("meta"):
        built = {"i3d-r50": I3DResNet50, "i3d-inception": I3DInception, "clip-vit-b16": CLIPImageEncoder}[network]()
        return {name: tensor for name, tensor in built.state_dict().items() if not name.endswith("_tracked")}


def caffe2_names() -> dict[str, str]:
    """Return our name of each blob, by the published table."""
    names = {"conv1_w": "conv1.weight", "pred_w": "fc.weight", "pred_b": "fc.bias"}
    names |= {f"res_conv1_bn_{end}": f"bn1.{ours}" for end, ours in NORM.items()}
    for layer, blocks in ((1, 3), (2, 4), (3, 6), (4, 3)):
        for block in range(blocks):
            for place, letter in enumerate("abc", start=1):
                blob = f"res{layer + 1}_{block}_branch2{letter}"
                names[f"{blob}_w"] = f"layer{layer}.{block}.conv{place}.weight"
                names |= {f"{blob}_bn_{end}": f"layer{layer}.{block}.bn{place}.{ours}" for end, ours in NORM.items()}
        names[f"res{layer + 1}_0_branch1_w"] = f"layer{layer}.0.downsample.0.weight"
        for end, ours in NORM.items():
            names[f"res{layer + 1}_0_branch1_bn_{end}"] = f"layer{layer}.0.downsample.1.{ours}"
    return names


def test_every_blob_of_caffe2_has_its_name() -> None:
    names = caffe2_names()
    assert len(names) == 267
    assert set(names.values()) == set(named("i3d-r50"))
    assert our_names("i3d-r50", {blob: blob for blob in names}) == {ours: blob for blob, ours in names.items()}
    assert our_names("i3d-r50", {"nonlocal_conv3_1_theta_w": 1}) == {"nonlocal_conv3_1_theta_w": 1}


def test_every_name_of_hassony2_has_its_own() -> None:
    branches = {"b0": "branch_0", "b1a": "branch_1.0", "b1b": "branch_1.1"}
    branches |= {"b2a": "branch_2.0", "b2b": "branch_2.1", "b3b": "branch_3.1"}
    theirs = {}
    for name in named("i3d-inception"):
        layer, *rest = name.split(".")
        parts = [branches.get(part, {"bn": "batch3d"}.get(part, part)) for part in rest]
        theirs[".".join(["conv3d_0c_1x1" if layer == "logits" else layer.lower(), *parts])] = name
    assert len(theirs) == 287
    assert "mixed_5c.branch_2.1.batch3d.running_var" in theirs
    for network in ("i3d-inception", "i3d-inception-flow"):
        assert our_names(network, theirs) == {ours: ours for ours in theirs.values()}
    assert our_names("i3d-inception", {f"module.{name}": 1 for name in theirs.values()}).keys() == set(theirs.values())


def test_of_clip_the_text_encoder_is_left_out() -> None:
    image = named("clip-vit-b16")
    text = dict.fromkeys(["positional_embedding", "text_projection", "logit_scale", "ln_final.weight", "vocab_size"], 1)
    text |= {"transformer.resblocks.0.ln_1.weight": 1, "token_embedding.weight": 1}
    assert our_names("clip-vit-b16", image | text).keys() == image.keys()
    larger = our_names("clip-vit-b16", image | {"visual.proj": torch.zeros(1024, 768)})
    with torch.device("meta"):
        assert misfit(CLIPImageEncoder(), larger).startswith("visual.proj is (1024, 768), but (768, 512)")


def python2_pickle(arrays: dict[str, np.ndarray], *, by_columns: bool = False) -> bytes:
    """Write ``{'blobs': arrays}`` as Python 2 did at protocol 2, with texts of bytes, instruction by instruction."""

    def text(value: bytes) -> bytes:
        return b"U" + bytes([len(value)]) + value if len(value) < 256 else b"T" + struct.pack("<i", len(value)) + value

    out = io.BytesIO()
    out.write(b"\x80\x02}" + text(b"blobs") + b"}(")
    for name, array in arrays.items():
        out.write(
            text(name.encode()) + b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text(b"b")
        )
        out.write(b"\x87R(K\x01(" + b"".join(b"J" + struct.pack("<i", side) for side in array.shape) + b"t")
        kind = array.dtype.str[1:].encode()
        out.write(b"cnumpy\ndtype\n" + text(kind) + b"K\x00K\x01\x87R(K\x03" + text(b"<") + b"NNN")
        out.write(b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb" + (b"\x88" if by_columns else b"\x89"))
        out.write(text(array.tobytes(order="F" if by_columns else "C")) + b"tb")
    out.write(b"us.")
    return out.getvalue()


@pytest.mark.parametrize("by_columns", [False, True])
def test_a_pickle_of_python_2_is_read(by_columns: bool, tmp_path: Path) -> None:
    arrays = {
        "conv1_w": np.random.default_rng(0).normal(size=(4, 3, 2)).astype(np.float32),
        "conv1_w_momentum": np.ones(9, np.float32),
        "lr": np.ones(1, np.float32),
    }
    (tmp_path / "w.pkl").write_bytes(python2_pickle(arrays, by_columns=by_columns))
    read = read_checkpoint(tmp_path / "w.pkl")
    assert list(read) == ["conv1_w"]
    assert np.array_equal(read["conv1_w"].numpy(), arrays["conv1_w"])


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_a_pickle_of_python_3_is_read(protocol: int, tmp_path: Path) -> None:
    array = np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32)
    (tmp_path / "w.pkl").write_bytes(pickle.dumps({"blobs": {"conv1_w": array, "lr": np.float32(1)}}, protocol))
    read = read_blobs(tmp_path / "w.pkl")
    assert list(read) == ["conv1_w"]
    assert np.array_equal(read["conv1_w"], array)


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    for protocol in range(5):
        content = {"blobs": {"conv1_w": Canary(tmp_path / "ran")}}
        (tmp_path / "w.pkl").write_bytes(pickle.dumps(content, protocol))
        with pytest.raises(
            InputError, match=r"w.pkl: cannot be read as weights alone \(names \S+, which no array"
        ) as refusal:
            read_checkpoint(tmp_path / "w.pkl")
        assert "\n" not in str(refusal.value)
    assert not (tmp_path / "ran").exists()


def test_a_pickle_without_blobs_or_cut_off_is_named(tmp_path: Path) -> None:
    path = tmp_path / "w.pkl"
    whole = python2_pickle({"conv1_w": np.ones((3, 4), np.float32)})
    for content, message in [
        (whole[:-30], "cannot be read as weights alone"),
        (b"", "cannot be read as weights alone"),
        (pickle.dumps([1, 2]), "holds no weights of Caffe2"),
        (pickle.dumps({"blobs": {}}), "holds no weights of Caffe2"),
        (pickle.dumps({"blobs": {"a": np.array(["x", "y"])}}), "'a' is no array of numbers"),
        (pickle.dumps({"blobs": {"a": np.array([{}, {}])}}), "'a' is no array of numbers"),
        (whole.replace(b"J\x04\x00\x00\x00", b"J\x05\x00\x00\x00"), "'conv1_w' is no array of numbers"),
    ]:
        path.write_bytes(content)
        with pytest.raises(InputError, match=rf"w.pkl: {message}"):
            read_checkpoint(path)


def test_files_of_torch_and_of_safetensors_are_told_by_what_they_are(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    weights = {"weight": torch.arange(4.0)}
    torch.save(weights, tmp_path / "new.pkl")
    torch.save(weights, tmp_path / "c3d.pickle", _use_new_zipfile_serialization=False)
    torch.save(weights, tmp_path / "old.pkl", _use_new_zipfile_serialization=False)
    save_file(weights, tmp_path / "w.safetensors")
    for path in tmp_path.iterdir():
        assert torch.equal(read_checkpoint(path)["weight"], weights["weight"])
    (tmp_path / "w.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises(InputError, match=r"w.safetensors: cannot be read as weights alone"):
        read_checkpoint(tmp_path / "w.safetensors")
