import os
import pickle
import re
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from benchmark.api import FeatureSpec, Method
from benchmark.datasets.dataset import Dataset
from benchmark.extraction.checkpoint import read_checkpoint
from benchmark.plugins.add_ons import WithAddOns, assemble
from benchmark.plugins.pipelines import find_pipeline
from benchmark.plugins.registry import AddOnPlugin
from benchmark.runs.store import RunStore
from benchmark.system.entry_points import find_plugin
from benchmark.system.errors import InputError
from benchmark.training.choices import Choices
from benchmark.training.elsewhere.weights import evaluate_weights, load_weights, read_weights
from benchmark.training.jobs import perform
from benchmark.training.loop import build_method
from benchmark.training.specification import make_job, plan_runs

State = dict[str, Tensor]


def draw_state() -> State:
    torch.manual_seed(3)
    return OrderedDict(a=torch.randn(3, 2), b=torch.tensor(7), c=torch.randn(2).double())


def save(content: object, path: Path) -> None:
    torch.save(content, path)


def save_legacy(content: object, path: Path) -> None:
    torch.save(content, path, _use_new_zipfile_serialization=False)


both_forms = pytest.mark.parametrize("write", [save, save_legacy])


def check_are_equal(found: State, expected: State) -> None:
    assert set(found) == set(expected)
    assert all(torch.equal(found[name], value) and found[name].dtype == value.dtype for name, value in expected.items())


@both_forms
@pytest.mark.parametrize("name", ["weights.pt", "weights.pkl", "weights"])
def test_weights_saved_by_pytorch_are_read(write: Callable[[object, Path], None], name: str, tmp_path: Path) -> None:
    write(draw_state(), tmp_path / name)
    check_are_equal(read_weights(tmp_path / name), draw_state())


def test_safetensors_are_read(tmp_path: Path) -> None:
    save_file(draw_state(), tmp_path / "weights.safetensors")
    check_are_equal(read_weights(tmp_path / "weights.safetensors"), draw_state())


@both_forms
@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {"state_dict": state},
        lambda state: {"epoch": 3, "model": state},
        lambda state: {"model": {"state_dict": state}, "best": 0.5, "names": ["a"], "note": None},
        lambda state: {"epoch": 3, "model": state, "optimizer": optimizer_state()},
    ],
    ids=["state_dict", "epoch and model", "two levels", "with an optimizer"],
)
def test_weights_in_a_checkpoint_are_found(
    write: Callable[[object, Path], None], wrap: Callable[[State], object], tmp_path: Path
) -> None:
    write(wrap(draw_state()), tmp_path / "checkpoint.pt")
    check_are_equal(read_weights(tmp_path / "checkpoint.pt"), draw_state())


def optimizer_state() -> dict[str, object]:
    """What Adam keeps of two parameters after a step."""
    parameters = [torch.nn.Parameter(torch.ones(2)) for _ in range(2)]
    optimizer = torch.optim.Adam(parameters)
    sum(parameter.sum() for parameter in parameters).backward()
    optimizer.step()
    return optimizer.state_dict()


def test_parameters_count_as_tensors(tmp_path: Path) -> None:
    torch.save({"a": torch.nn.Parameter(torch.ones(2))}, tmp_path / "weights.pt")
    check_are_equal(read_weights(tmp_path / "weights.pt"), {"a": torch.ones(2)})


def refusal(path: Path) -> str:
    """The line that refuses a file, without the path that it begins with."""
    with pytest.raises(InputError) as caught:
        read_weights(path)
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith(f"{path}: ")
    return line.removeprefix(f"{path}: ")


class Hostile:
    """Runs a command when it is unpickled."""

    def __init__(self, made: Path) -> None:
        self.made = made

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch '{self.made}'",)


def save_pickle(content: object, path: Path) -> None:
    path.write_bytes(pickle.dumps(content))


@pytest.mark.parametrize("write", [save, save_legacy, save_pickle])
@pytest.mark.parametrize("name", ["weights.pt", "weights.pkl", "weights"])
def test_code_in_a_file_is_refused_and_not_run(
    write: Callable[[object, Path], None], name: str, tmp_path: Path
) -> None:
    path, made = tmp_path / name, tmp_path / "made"
    write({"a": torch.ones(2), "b": Hostile(made)}, path)
    assert "holds more than tensors" in refusal(path)
    assert not made.exists()


def test_the_hostile_file_is_one(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Hostile(tmp_path / "made")))  # noqa: S301
    assert (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "content",
    [pickle.dumps({"a": [1.0]}), b"a,b\n1,2\n", b"weights\n", b"", b"PK\x03\x04", b"\x80\x02."],
    ids=["pickled dict", "table", "text", "empty", "cut zip", "cut pickle"],
)
def test_what_torch_save_did_not_write_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "weights.pt").write_bytes(content)
    reasons = r"holds more than tensors, or is no file of torch.save|cannot be read as weights: \S"
    assert re.match(reasons, refusal(tmp_path / "weights.pt"))


@pytest.mark.parametrize("share", [0.02, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.97, 0.99])
@pytest.mark.parametrize("form", ["zip", "legacy", "safetensors"])
def test_a_cut_file_is_refused(form: str, share: float, tmp_path: Path) -> None:
    path = tmp_path / ("weights.safetensors" if form == "safetensors" else "weights.pt")
    {"zip": save, "legacy": save_legacy, "safetensors": save_file}[form](draw_state(), path)  # type: ignore[operator]
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert refusal(path)


@pytest.mark.parametrize("name", ["absent.pt", "absent.safetensors"])
def test_an_absent_file_is_refused(name: str, tmp_path: Path) -> None:
    assert refusal(tmp_path / name) == "there is no such file"


@pytest.mark.parametrize("name", ["folder", "folder.safetensors"])
def test_a_folder_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    assert refusal(tmp_path / name) == "cannot be read as weights (not a regular file)"


@pytest.mark.parametrize(
    "content",
    [{}, [torch.ones(2)], torch.ones(2), {"a": 1}, {1: torch.ones(2)}, {"x": {"a": torch.ones(2), "b": 1}}, "text"],
    ids=str,
)
def test_content_without_named_tensors_is_refused(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "weights.pt")
    assert refusal(tmp_path / "weights.pt").startswith("holds no named tensors")


def test_two_sets_of_weights_are_none(tmp_path: Path) -> None:
    torch.save({"model": draw_state(), "teacher": draw_state()}, tmp_path / "weights.pt")
    message = "holds several sets of weights (model, teacher); save the state_dict() of one model"
    assert refusal(tmp_path / "weights.pt") == message


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_values_that_are_not_finite_are_refused(value: float, dtype: torch.dtype, tmp_path: Path) -> None:
    torch.save({**draw_state(), "d": torch.tensor([0.0, value], dtype=dtype)}, tmp_path / "weights.pt")
    assert refusal(tmp_path / "weights.pt") == "d holds values that are not finite in float32"


@pytest.mark.parametrize(
    "tensor",
    [torch.empty(2, device="meta"), torch.eye(3).to_sparse(), torch.zeros(3, dtype=torch.complex64)],
    ids=["without values", "sparse", "complex"],
)
def test_tensors_of_other_kinds_are_refused(tensor: Tensor, tmp_path: Path) -> None:
    torch.save({"a": tensor}, tmp_path / "weights.pt")
    assert refusal(tmp_path / "weights.pt") == "a is no plain tensor of real numbers"


def test_values_that_only_float64_can_hold_are_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.tensor([1e300], dtype=torch.float64)}, tmp_path / "weights.pt")
    assert refusal(tmp_path / "weights.pt") == "a holds values that are not finite in float32"


def test_weights_that_give_no_scores_are_refused(tiny_scenes: Path, tmp_path: Path) -> None:
    pipeline, dataset, path = find_pipeline("mmil"), Dataset(tiny_scenes / "scenes-avenue"), tmp_path / "weights.pt"
    weights = {name: torch.full_like(value, 3e38) for name, value in build("mmil", 256).state_dict().items()}
    last = [name for name in weights if name.endswith("weight")][-1]
    weights[last][:, ::2] *= -1  # of what is infinite before it, infinity less infinity
    torch.save(weights, path)
    with pytest.raises(InputError, match=r"MMIL gives no scores: MethodError: .*NaN"):
        evaluate_weights(path, pipeline, dataset, "cpu", ())


def build(name: str, dim: int = 6) -> Method:
    method, _ = find_pipeline(name).load()
    torch.manual_seed(0)
    return method(method.Config(), FeatureSpec(dim, {}))


@pytest.mark.parametrize("name", ["mmil", "rtfm", "ctr", "dmil"])
@both_forms
def test_own_weights_are_loaded(write: Callable[[object, Path], None], name: str, tmp_path: Path) -> None:
    model = build(name)
    other = {key: value + 1 if value.is_floating_point() else value for key, value in model.state_dict().items()}
    write({"state_dict": other}, tmp_path / "weights.pt")
    load_weights(model, tmp_path / "weights.pt", "MMIL")
    check_are_equal(model.state_dict(), other)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"output.1.bias": None}, "not the weights of MMIL: 1 are missing, such as output.1.bias"),
        (dict.fromkeys(("hidden.0.weight", "hidden.0.bias")), "2 are missing, such as hidden.0.bias"),
        ({"extra": torch.ones(1)}, "not the weights of MMIL: 1 are unknown, such as extra"),
        (
            {"hidden.0.weight": torch.ones(512, 7)},
            "hidden.0.weight has shape (512, 7); MMIL at these settings on features of size 6 has (512, 6)",
        ),
    ],
    ids=["missing", "two missing", "surplus", "shape"],
)
def test_weights_that_do_not_fit_are_refused(change: dict[str, Tensor | None], message: str, tmp_path: Path) -> None:
    model, path = build("mmil"), tmp_path / "weights.pt"
    state: dict[str, Tensor | None] = {**model.state_dict(), **change}
    torch.save({name: value for name, value in state.items() if value is not None}, path)
    with pytest.raises(InputError) as caught:
        load_weights(model, path, "MMIL")
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    check_are_equal(model.state_dict(), build("mmil").state_dict())


@pytest.mark.parametrize("reference", ["mmil", "mmil+ica", "clav"])
def test_weights_of_a_stored_run_give_its_numbers(reference: str, tiny_scenes: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    pipeline, dataset = find_pipeline(reference), Dataset(tiny_scenes / "scenes-avenue")
    overrides = ("steps=2", "looks=0", "batch_size=2", "segments=8")
    options = Choices(profile="paper", seeds=1, settings=overrides, results=tmp_path)
    (spec,), _ = plan_runs(pipeline, dataset, options)
    store = RunStore(options.runs)
    store.prepare()
    assert perform(make_job(spec, pipeline, dataset, [dataset], options), lambda step, loss: None).status == "ok"
    path = store.folder(spec.key) / "weights" / "2.safetensors"
    (stored,) = store.evaluations(spec.key)
    assert evaluate_weights(path, pipeline, dataset, "cpu", ()).metrics == stored.metrics


def test_settings_that_weights_were_trained_with_can_be_given(tiny_scenes: Path, tmp_path: Path) -> None:
    pipeline, dataset = find_pipeline("ctr"), Dataset(tiny_scenes / "scenes-avenue")
    (spec,), _ = plan_runs(pipeline, dataset, Choices(seeds=1, settings=("hidden=24",)))
    path = tmp_path / "weights.safetensors"
    save_file(build_method(spec, pipeline, FeatureSpec(dataset.manifest.dim, {})).state_dict(), path)
    metrics = evaluate_weights(path, pipeline, dataset, "cpu", ["hidden=24"]).metrics
    assert metrics["auc_frame"] is not None
    with pytest.raises(InputError, match=r"has shape \(.*\b24\b.*at these settings"):
        evaluate_weights(path, pipeline, dataset, "cpu", [])
    with pytest.raises(InputError, match="--set wide=24: none of these methods has such a setting"):
        evaluate_weights(path, pipeline, dataset, "cpu", ["wide=24"])


def clav(sources: dict[str, str], object_classes: int, **settings: object) -> Method:
    method, _ = find_pipeline("clav").load()
    torch.manual_seed(1)
    return method(method.Config(**settings), FeatureSpec(8, sources, object_classes))


@pytest.mark.parametrize(
    ("sources", "object_classes", "settings"),
    [
        ({"motion": "given", "objects": "soft-kmeans"}, 40, {}),
        ({"motion": "given", "objects": "none"}, 0, {}),
        ({"motion": "given", "objects": "given"}, 80, {"reconstruction_weight": 0}),
    ],
)
def test_weights_that_only_training_uses_need_not_fit(
    sources: dict[str, str], object_classes: int, settings: dict[str, object], tmp_path: Path
) -> None:
    trained = clav({"motion": "given", "objects": "given"}, 80).eval()
    torch.save(trained.state_dict(), tmp_path / "weights.pt")
    features = torch.rand(1, 2, 9, 8)
    for model in (clav(sources, object_classes, **settings).eval(), assembled(sources, object_classes)):
        path = tmp_path / "weights.pt"
        if isinstance(model, WithAddOns):
            path = tmp_path / "with_add_on.pt"
            named = {f"method.{name}": value for name, value in trained.state_dict().items()}
            torch.save({**named, **{n: v for n, v in model.state_dict().items() if n.startswith("add_ons.")}}, path)
        load_weights(model, path, "CLAV")
        scored = model.method if isinstance(model, WithAddOns) else model
        assert torch.equal(scored.score(features), trained.score(features))


def assembled(sources: dict[str, str], object_classes: int) -> Method:
    """CLAV behind an add-on of somebody else's."""
    halve = find_plugin(AddOnPlugin, f"{Path(__file__).parents[3] / 'plugins' / 'halve.py'}:Halve").load()
    method, _ = find_pipeline("clav").load()
    features = FeatureSpec(8, sources, object_classes)
    return assemble(method, method.Config(), [(halve, halve.Config())], features).eval()


def test_the_recipe_is_that_of_what_the_weights_were_trained_on(tiny_scenes: Path, tmp_path: Path) -> None:
    pipeline, dataset = find_pipeline("clav"), Dataset(tiny_scenes / "scenes-xd-violence")
    (spec,), _ = plan_runs(pipeline, dataset, Choices(seeds=1))
    torch.save(build_method(spec, pipeline, FeatureSpec(256, spec.inputs, 40)).state_dict(), tmp_path / "weights.pt")
    for benchmark, alpha in ((None, 1.0), ("avenue", 0.1), ("shanghaitech", 0.4)):
        found = evaluate_weights(tmp_path / "weights.pt", pipeline, dataset, "cpu", (), benchmark)  # type: ignore[arg-type]
        assert found.spec.config["alpha"] == alpha


def test_a_plug_in_that_cannot_be_built_is_one_line(tiny_scenes: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(
        "from benchmark.api import Method\n\nclass Broken(Method):\n"
        "    def __init__(self, config, features):\n        raise RuntimeError('no wheels')\n"
    )
    torch.save(draw_state(), tmp_path / "weights.pt")
    pipeline, dataset = find_pipeline(f"{tmp_path / 'broken.py'}:Broken"), Dataset(tiny_scenes / "scenes-avenue")
    with pytest.raises(InputError, match="Broken gives no scores: RuntimeError: no wheels"):
        evaluate_weights(tmp_path / "weights.pt", pipeline, dataset, "cpu", ())


@pytest.mark.parametrize(
    "tensor",
    [torch.zeros(1).expand(10**9), torch.ones(3, 1).expand(3, 1000), torch.zeros(1).as_strided((10**5, 10**5), (0, 0))],
    ids=["one value", "one column", "no strides"],
)
@pytest.mark.parametrize("read", [read_weights, read_checkpoint])
def test_a_tensor_of_more_values_than_are_stored_is_refused_before_it_is_made(
    tmp_path: Path, tensor: Tensor, read: Callable[[Path], object]
) -> None:
    torch.save({"a": torch.ones(2), "b": tensor}, tmp_path / "weights.pt")
    with pytest.raises(InputError, match=r"weights\.pt: b has [0-9,]+ values, of which \d are stored"):
        read(tmp_path / "weights.pt")


@pytest.mark.parametrize("read", [read_weights, read_checkpoint])
def test_views_of_one_storage_are_read(tmp_path: Path, read: Callable[[Path], Mapping[str, Tensor]]) -> None:
    shared = torch.arange(12.0)
    torch.save({"a": shared[::2], "b": shared.view(3, 4).T, "c": shared}, tmp_path / "weights.pt")
    found = read(tmp_path / "weights.pt")
    assert torch.equal(found["a"], shared[::2])
    assert torch.equal(found["b"], shared.view(3, 4).T)


@pytest.mark.parametrize("read", [read_weights, read_checkpoint])
def test_a_compressed_archive_is_refused_before_it_unfolds(tmp_path: Path, read: Callable[[Path], object]) -> None:
    torch.save({"a": torch.zeros(1 << 16)}, tmp_path / "weights.pt")
    with zipfile.ZipFile(tmp_path / "weights.pt") as stored, zipfile.ZipFile(tmp_path / "bomb.pt", "w") as packed:
        for info in stored.infolist():
            packed.writestr(info.filename, stored.read(info), zipfile.ZIP_DEFLATED)
    with pytest.raises(InputError, match=r"bomb\.pt: its member .+ is compressed"):
        read(tmp_path / "bomb.pt")


@pytest.mark.parametrize(
    "tensor",
    [torch.eye(3).to_sparse(), torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8), torch.ones(2) * 1j],
    ids=["sparse", "quantised", "complex"],
)
@pytest.mark.parametrize("read", [read_weights, read_checkpoint])
def test_a_tensor_that_is_no_plain_one_is_refused(
    tmp_path: Path, tensor: Tensor, read: Callable[[Path], object]
) -> None:
    torch.save({"a": tensor}, tmp_path / "weights.pt")
    with pytest.raises(InputError, match=r"weights\.pt: "):
        read(tmp_path / "weights.pt")
