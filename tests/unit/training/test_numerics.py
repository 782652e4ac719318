import pytest
import torch

from benchmark.system.errors import InputError
from benchmark.terms import Training
from benchmark.training import numerics as module
from benchmark.training.numerics import arithmetic, autocast, check_numerics, use_float32
from tests.unit.runs.test_records import spec


def _flags() -> tuple[bool, bool]:
    return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize(("numerics", "inside"), [("float32", False), ("tf32", True), ("bf16", False)])
def test_tensor_cores_are_used_inside_the_block_alone(numerics: str, inside: bool) -> None:
    use_float32()
    with arithmetic(numerics):  # type: ignore[arg-type]
        assert _flags() == (inside, inside)
    assert _flags() == (False, False)


@pytest.mark.parametrize(("numerics", "dtype"), [("float32", torch.float32), ("bf16", torch.bfloat16)])
def test_products_are_computed_in_bfloat16_on_request(numerics: str, dtype: torch.dtype) -> None:
    layer = torch.nn.Linear(4, 3)
    with autocast(numerics, torch.device("cpu")):  # type: ignore[arg-type]
        assert layer(torch.ones(2, 4)).dtype == dtype
    assert layer.weight.dtype == torch.float32


def test_numerics_are_in_the_key_and_specifications_from_before_are_read() -> None:
    assert spec(training=Training(steps=200, numerics="bf16")).key != spec().key
    old = {**spec().model_dump(mode="json"), "numerics": "float32"}
    del old["training"]["numerics"]
    assert type(spec()).model_validate(old).key == spec().key


@pytest.mark.parametrize("has", [{}, {"avx2": True, "avx512_bf16": False}])
def test_bfloat16_is_refused_where_the_processor_has_none(
    has: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "get_capabilities", lambda: has)
    with pytest.raises(InputError, match="this processor has no bfloat16 arithmetic"):
        check_numerics("bf16", "cpu")
    check_numerics("bf16", "cuda")
    check_numerics("float32", "cpu")


@pytest.mark.parametrize("has", [{"avx512_bf16": True}, {"amx_bf16": True}, {"bf16": True}])
def test_bfloat16_is_offered_where_the_processor_has_it(has: dict[str, bool], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "get_capabilities", lambda: has)
    check_numerics("bf16", "cpu")
