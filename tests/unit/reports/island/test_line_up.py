"""What a page's script shows of a line-up: each number against the store, evaluated in another way."""

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.metrics.alarms import Alarms
from benchmark.metrics.frame import roc_auc
from benchmark.runs.store import RunStore
from benchmark.statistics.class_wise import class_aucs
from benchmark.tables.line_ups import LineUp, find_line_ups
from benchmark.tables.projections import Projection, draw_snippets, projection_names
from benchmark.tables.ranking import rank
from reports.island.line_up import Content, line_up_content
from tests.small_store import make_results

CLOSE = 0.5e-4 + 1e-12
"""Numbers are rounded to four digits."""


def made(root: Path, **options: Any) -> tuple[LineUp, RunStore]:
    results = make_results(root, **options)
    store = RunStore(results.runs)
    (line_up,) = find_line_ups(results.plans(None), store, "last")
    return line_up, store


def project_drawn(line_up: LineUp, store: RunStore) -> None:
    """Store projections of the snippets that are drawn, each point at its place among them."""
    scored = store.read_scores(*line_up.contenders[0].seeds[0])
    assert scored is not None
    abnormal = tuple((scored.positive > scored.negative)[draw_snippets(scored.positive > scored.negative)].tolist())
    points = tuple((float(place), 0.0) for place in range(len(abnormal)))
    for name in projection_names(line_up, store).values():
        made = Projection(points=points, abnormal=abnormal, neighbour_auc=0.87, silhouette=0.125)
        store.write_derived("projections", name, made, [])


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[LineUp, RunStore, Content]:
    line_up, store = made(tmp_path_factory.mktemp("results"))
    project_drawn(line_up, store)
    return line_up, store, line_up_content(line_up, rank(line_up, store), store)


def first_scores(small: tuple[LineUp, RunStore, Content]) -> list[Any]:
    """The first seed's scores, in the order of the content."""
    line_up, store, content = small
    seeds = {contender.label: contender.seeds[0] for contender in line_up.contenders}
    return [store.read_scores(*seeds[method["label"]]) for method in content["methods"]]


def test_methods_come_in_the_order_of_their_means(small: tuple[LineUp, RunStore, Content]) -> None:
    line_up, store, content = small
    means = {
        c.label: np.mean([e.metrics["auc_frame"] for run, key in c.seeds if (e := store.evaluation(run, key))])
        for c in line_up.contenders
    }
    assert [method["label"] for method in content["methods"]] == sorted(means, key=lambda label: -means[label])
    for method in content["methods"]:
        assert method["mean"] == pytest.approx(means[method["label"]], abs=1e-12)
        assert 0 <= method["low"] < method["mean"] < method["high"] <= 1
        assert method["seeds"] == 3


def test_scores_are_levels_of_the_first_seed(small: tuple[LineUp, RunStore, Content]) -> None:
    content = small[2]
    assert content["joined"] == 1
    for scored, text in zip(first_scores(small), content["scores"], strict=True):
        levels = base64.b64decode(text)
        low, high = min(scored.scores), max(scored.scores)
        assert list(levels) == [round(255 * float((score - low) / (high - low))) for score in scored.scores]


def test_videos_have_their_frames_classes_and_events(small: tuple[LineUp, RunStore, Content]) -> None:
    _, store, content = small
    scored = first_scores(small)[0]
    events = store.events(small[0].dataset.test_hash)
    assert events is not None
    for video, shown in enumerate(content["videos"]):
        rows = [row for row in range(len(scored.video)) if scored.video[row] == video]
        assert shown["name"] == scored.names[video]
        assert shown["frames"] == [scored.positive[row] + scored.negative[row] for row in rows]
        assert shown["abnormal"] == bool(scored.labels[video])
        assert shown["events"] == [list(event) for event in events.intervals.get(shown["name"], ())]


def test_a_threshold_gives_what_is_counted(small: tuple[LineUp, RunStore, Content]) -> None:
    _, store, content = small
    annotated = store.events(small[0].dataset.test_hash)
    assert annotated is not None
    for scored, given in zip(first_scores(small), content["thresholds"], strict=True):
        assert len(given["recall"]) == 256
        alarms = Alarms.find(scored, annotated.intervals, annotated.fps)
        for level in (0, 100, 254):
            threshold = given["low"] + level * (given["high"] - given["low"]) / 255
            above = [score >= threshold for score in scored.scores]
            true = sum(int(p) for p, is_above in zip(scored.positive, above, strict=True) if is_above)
            false = sum(int(n) for n, is_above in zip(scored.negative, above, strict=True) if is_above)
            assert given["recall"][level] == pytest.approx(true / scored.positive.sum(), abs=CLOSE)
            assert given["false_positives"][level] == pytest.approx(false / scored.negative.sum(), abs=CLOSE)
            assert given["precision"][level] == pytest.approx(true / (true + false), abs=CLOSE)
            rate, met = alarms.at(threshold)
            assert given["false_alarms"][level] == pytest.approx(rate, abs=0.0051)
            assert given["met"][level] == pytest.approx(met, abs=CLOSE)


def test_the_points_of_a_threshold_lie_on_the_curve(small: tuple[LineUp, RunStore, Content]) -> None:
    content = small[2]
    for curve, given in zip(content["curves"]["roc"], content["thresholds"], strict=True):
        for false, true in zip(given["false_positives"], given["recall"], strict=True):
            before, after = int(np.floor(200 * false)) - 1, int(np.ceil(200 * false))
            assert (curve[before] if before >= 0 else 0) - CLOSE <= true <= curve[after] + CLOSE


def test_aucs_of_classes_and_videos_are_means_over_seeds(small: tuple[LineUp, RunStore, Content]) -> None:
    line_up, store, content = small
    seeds = {c.label: [store.read_scores(*one) for one in c.seeds] for c in line_up.contenders}
    names = [one["name"] for one in content["classes"]]
    assert {one["name"]: one["videos"] for one in content["classes"]} == {"Abuse": 1, "Arson": 4, "Assault": 3}
    for place, method in enumerate(content["methods"]):
        scored = [one for one in seeds[method["label"]] if one is not None]
        for auc in class_aucs(scored):
            shown = content["class_aucs"][auc.definition][place][names.index(auc.name)]
            assert shown == [auc.mean, auc.ci_low, auc.ci_high]
        for video in range(len(scored[0].names)):
            rows = scored[0].video == video
            values = [roc_auc(one.scores[rows], one.positive[rows], one.negative[rows]) for one in scored]
            if np.isnan(values).any():
                assert content["video_aucs"][place][video] is None
            else:
                assert content["video_aucs"][place][video] == pytest.approx(np.mean(values), abs=CLOSE)


def test_points_of_a_projection_name_their_videos(small: tuple[LineUp, RunStore, Content]) -> None:
    content, scored = small[2], first_scores(small)[0]
    shown = content["t_sne"]
    chosen = draw_snippets(scored.positive > scored.negative)
    assert [panel["name"] for panel in shown["panels"]] == ["backbone features", "RTFM", "CLAV+CoMo"]
    assert len(shown["video"]) == len(chosen) == len(shown["abnormal"])
    for place, row in enumerate(chosen):
        before = [r for r in range(row) if scored.video[r] == scored.video[row]]
        assert shown["video"][place] == scored.video[row]
        assert shown["frame"][place] == sum(int(scored.positive[r] + scored.negative[r]) for r in before)


def test_many_scores_are_joined_within_their_videos(tmp_path: Path) -> None:
    line_up, store = made(tmp_path)
    ranked = rank(line_up, store)
    whole = line_up_content(line_up, ranked, store)
    thin = line_up_content(line_up, ranked, store, most_scores=100)
    snippets = sum(len(video["frames"]) for video in whole["videos"])
    assert thin["joined"] == -(-2 * snippets // 100)
    for method in range(2):
        levels, joined = (base64.b64decode(content["scores"][method]) for content in (whole, thin))
        expected, at = [], 0
        for video in whole["videos"]:
            mine = levels[at : at + len(video["frames"])]
            at += len(mine)
            expected += [max(mine[i : i + thin["joined"]]) for i in range(0, len(mine), thin["joined"])]
        assert list(joined) == expected
    assert [sum(v["frames"]) for v in thin["videos"]] == [sum(v["frames"]) for v in whole["videos"]]


def test_without_events_and_normal_videos_there_is_less(tmp_path: Path) -> None:
    line_up, store = made(tmp_path)
    elsewhere = replace(line_up, dataset=line_up.dataset.model_copy(update={"test_hash": "another"}))
    content = line_up_content(elsewhere, rank(line_up, store), store)
    assert content["events"] is None
    assert all("false_alarms" not in given for given in content["thresholds"])
    assert not any(video["events"] for video in content["videos"])


def test_a_method_without_scores_is_left_out(tmp_path: Path) -> None:
    line_up, store = made(tmp_path)
    for run, key in line_up.contenders[0].seeds:
        (store.folder(run) / "evaluations" / f"{key}.npz").unlink()
    ranked = rank(line_up, store)
    assert [place.contender.label for place in ranked] == [line_up.contenders[1].label]


@pytest.mark.parametrize("damaged", [1, 2], ids=["one of two methods", "all"])
def test_a_method_that_was_ranked_before_its_scores_were_damaged_is_left_out(tmp_path: Path, damaged: int) -> None:
    line_up, store = made(tmp_path)
    labels = [place.contender.label for place in rank(line_up, store)]  # what is derived is kept
    for contender in line_up.contenders[:damaged]:
        run, key = contender.seeds[-1]
        path = store.folder(run) / "evaluations" / f"{key}.npz"
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1  # as long as before, so that it is only seen where it is read
        path.write_bytes(content)
        labels.remove(contender.label)
    content = line_up_content(line_up, rank(line_up, store), store)
    assert (content and [method["label"] for method in content["methods"]]) == (labels or None)
    assert content is None or len(content["scores"]) == len(content["video_aucs"]) == len(labels)


def test_projections_of_other_snippets_are_not_named(tmp_path: Path) -> None:
    line_up, store = made(tmp_path)
    for name in projection_names(line_up, store).values():
        points = ((0.0, 0.0), (1.0, 1.0))
        other = Projection(points=points, abnormal=(True, False), neighbour_auc=None, silhouette=0.0)
        store.write_derived("projections", name, other, [])
    assert line_up_content(line_up, rank(line_up, store), store)["t_sne"] is None
