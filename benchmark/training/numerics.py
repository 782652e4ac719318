"""The arithmetic that a run is trained in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.cpu import get_capabilities

from benchmark.system.errors import InputError
from benchmark.terms import Numerics

_BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16", "sve_bf16"}
"""What processors with bfloat16 arithmetic say of themselves, x86 and Arm."""


def check_numerics(numerics: Numerics, device: str) -> None:
    """Refuse bfloat16 on a processor that has no instructions for it.

    Raises
    ------
    InputError
        If PyTorch would put each operation together from others: that took sixty times as long as float32 does.
    """
    if numerics == "bf16" and device == "cpu" and not _BFLOAT16 & {k for k, has in get_capabilities().items() if has}:
        raise InputError(
            "numerics bf16: this processor has no bfloat16 arithmetic, which would be far slower than float32; "
            "use float32, or a GPU"
        )


def use_float32() -> None:
    """Compute in float32: no TF32 on a GPU, not in convolutions either, where PyTorch would take it."""
    _allow_tf32(False)


@contextmanager
def arithmetic(numerics: Numerics) -> Iterator[None]:
    """Compute matrix products and convolutions of the block on a GPU's tensor cores, with ``tf32``.

    TF32 keeps float32's range and 10 bits of its mantissa. On a CPU nothing changes.
    """
    _allow_tf32(numerics == "tf32")
    try:
        yield
    finally:
        use_float32()


def autocast(numerics: Numerics, device: torch.device) -> torch.autocast:
    """Compute what PyTorch deems safe in bfloat16, with ``bf16``; parameters and their updates stay in float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=numerics == "bf16")


def _allow_tf32(allowed: bool) -> None:
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed
