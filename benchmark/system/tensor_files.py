"""Files of tensors that others saved: read as tensors and nothing else, in no more memory than they have bytes."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path

import torch
from torch import Tensor

from benchmark.system.errors import InputError


def load_tensors(path: Path) -> object:
    """Return what a file of `torch.save` holds: tensors, plain values, and containers of them; no code in it is run.

    Raises
    ------
    InputError
        If it is a compressed archive, which may unfold to any size; `torch.save` compresses nothing.
    Exception
        What PyTorch raises of a file that is damaged or holds more than that.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            packed = [info.filename for info in archive.infolist() if info.compress_type != zipfile.ZIP_STORED]
        if packed:
            raise InputError(f"{path}: its member {packed[0]} is compressed; save it again with torch.save")
    with warnings.catch_warnings(action="ignore"):  # about old forms, which are read or refused all the same
        return torch.load(path, map_location="cpu", weights_only=True)


def check_plain(path: Path, name: str, tensor: Tensor) -> None:
    """Refuse a tensor that is no plain one of real numbers, or has more values than are stored of it.

    Raises
    ------
    InputError
        If so, before anything is computed with it: a billion values may be one, repeated.
    """
    dense = tensor.layout == torch.strided and not (tensor.is_meta or tensor.is_nested)
    if not dense or tensor.is_complex() or tensor.is_quantized:
        raise InputError(f"{path}: {name} is no plain tensor of real numbers")
    stored = tensor.untyped_storage().nbytes() // tensor.element_size()
    if tensor.numel() > stored:
        raise InputError(
            f"{path}: {name} has {tensor.numel():,} values, of which {stored:,} are stored; save it with .contiguous()"
        )
