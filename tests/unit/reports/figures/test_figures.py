"""Figures: the numbers that they draw, evaluated in other ways, and sentences where there is nothing to draw."""

import itertools
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from sklearn.metrics import auc, precision_recall_curve, roc_curve

from benchmark.execution.side_by_side import side_by_side
from benchmark.metrics.alarms import Alarms
from benchmark.metrics.frame import ScoredVideos, frame_metrics
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import TablePlan
from benchmark.system.errors import InputError
from benchmark.tables.cells import Table, fill_table
from benchmark.tables.line_ups import Contender, LineUp, find_line_ups
from benchmark.tables.projections import Projection, projection_names
from benchmark.terms import FigureForm
from reports.figures import class_wise, detection, score_curves, selection, training, tsne
from reports.figures.catalogue import LINE_UP_FIGURES, FigureChoices, figures_of_line_up, figures_of_table
from reports.figures.cross_dataset import draw_cross_dataset
from reports.figures.events import draw_events
from reports.figures.evidence import Evidence
from reports.figures.figure import Absence, Figure
from reports.figures.forest import draw_forest, in_order
from reports.figures.style import Palette, arrange, canvas, render, shorten, styled
from reports.figures.telling import alarm_rates, telling_videos, video_aucs
from tests.small_store import draw_scores, make_results
from tests.unit.tables.test_cells import FROZEN

FORMS = get_args(FigureForm)


def evidence_of(root: Path, **options: object) -> Evidence:
    results = make_results(root, **options)  # type: ignore[arg-type]
    store = RunStore(results.runs)
    (line_up,) = find_line_ups(results.plans(None), store, "last")
    return Evidence(line_up, store, Palette.of_plans(results.plans(None)))


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    return evidence_of(tmp_path)


def drawn(figure: Figure | Absence) -> Figure:
    assert isinstance(figure, Figure), figure
    return figure


def project_all(evidence: Evidence) -> None:
    """Store made-up projections in the place of embeddings."""
    rng = np.random.default_rng(0)
    for name in projection_names(evidence.line_up, evidence.store).values():
        points = tuple((float(x), float(y)) for x, y in rng.normal(size=(20, 2)))
        made = Projection(points=points, abnormal=(True, False) * 10, neighbour_auc=0.87, silhouette=0.125)
        evidence.store.write_derived("projections", name, made, [])


def expand(scored: ScoredVideos) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores of all frames."""
    frames = [(1, s) for s, p in zip(scored.scores, scored.positive, strict=True) for _ in range(p)]
    frames += [(0, s) for s, n in zip(scored.scores, scored.negative, strict=True) for _ in range(n)]
    labels, scores = zip(*frames, strict=True)
    return np.array(labels), np.array(scores)


def test_every_figure_of_a_line_up_is_drawn_in_every_form(evidence: Evidence) -> None:
    project_all(evidence)
    figures = figures_of_line_up([evidence], FigureChoices())
    assert [figure.name for figure in figures] == list(LINE_UP_FIGURES)
    for figure in map(drawn, figures):
        rendered = render(figure.draw, FORMS)
        starts = {"pdf": b"%PDF", "png": b"\x89PNG", "svg": b"<?xml"}
        assert all(rendered.contents[form].startswith(start) for form, start in starts.items())
        assert rendered.size[0] <= 7.17
        assert figure.alt
        assert figure.caption[0].startswith("cameras (i3d, 14 test videos), profile quick, 3 seeds, 1 of 2 crops")


@pytest.mark.parametrize("methods", [1, 2, 3])
def test_legends_are_not_cut_off(methods: int, evidence: Evidence) -> None:
    project_all(evidence)
    line_up = replace(evidence.line_up, contenders=evidence.line_up.contenders[:methods])
    for figure in figures_of_line_up([Evidence(line_up, evidence.store, Palette(()))], FigureChoices()):
        with styled():
            canvas = drawn(figure).draw()
            arrange(canvas)
            canvas.draw_without_rendering()
        legends = [*canvas.legends, *(found for axis in canvas.axes if (found := axis.get_legend()))]
        for box in [legend.get_window_extent() for legend in legends]:
            assert box.y0 >= -1, figure.name
            assert box.y1 <= canvas.bbox.height + 1, figure.name


def test_equal_figures_are_equal_files(evidence: Evidence) -> None:
    figure = drawn(detection.draw_detection(evidence))
    assert render(figure.draw, FORMS).contents == render(figure.draw, FORMS).contents


def test_figures_that_another_process_has_found_are_the_same(
    evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmark.execution.side_by_side.usable_cores", lambda: 2)
    project_all(evidence)
    figures = [drawn(figure) for figure in figures_of_line_up([evidence], FigureChoices())]
    with side_by_side(lambda figure: figure, figures) as found:
        for figure, other in zip(figures, found, strict=True):
            assert render(other.draw, ["png"]).contents == render(figure.draw, ["png"]).contents


def test_files_are_written_with_their_numbers(evidence: Evidence, tmp_path: Path) -> None:
    figure = drawn(training.draw_training(evidence))
    paths = figure.write(tmp_path / "out", render(figure.draw, ["pdf", "png"]).contents)
    folder = tmp_path / "out" / "cameras-quick"
    assert paths == [folder / "training.pdf", folder / "training.png", folder / "training.csv"]
    assert sorted(path.name for path in folder.iterdir()) == ["training.csv", "training.pdf", "training.png"]
    assert len(pd.read_csv(paths[-1])) == len(figure.data)


def test_roc_curves_are_those_of_the_frames(evidence: Evidence) -> None:
    data = drawn(detection.draw_detection(evidence)).data
    for contender, seeds in evidence.scores.items():
        curves = []
        for scored in seeds:
            false, true, _ = roc_curve(*expand(scored))
            curves.append(np.interp(detection.GRID, false, true))
            assert auc(false, true) == pytest.approx(frame_metrics(scored)["auc_frame"])
        part = data[(data["curve"] == "roc") & (data["method"] == contender.label)]
        assert part["mean"].tolist() == pytest.approx(np.mean(curves, axis=0).tolist())
        assert part["low"].tolist() == pytest.approx(np.min(curves, axis=0).tolist())


def test_precision_is_that_of_the_first_threshold_to_reach_a_recall(evidence: Evidence) -> None:
    scored = next(iter(evidence.scores.values()))[0]
    labels, scores = expand(scored)
    _, recalls, thresholds = precision_recall_curve(labels, scores)
    points = detection.pr_points(scored)
    for place in (1, 40, 100, 150, 200):
        wanted = detection.GRID[place]
        threshold = max(t for t in thresholds if labels[scores >= t].sum() / labels.sum() >= wanted - 1e-12)
        assert points[place] == pytest.approx(labels[scores >= threshold].mean())
    assert max(recalls) == 1


def test_scores_are_scaled_by_the_whole_test_set(evidence: Evidence) -> None:
    data = drawn(score_curves.draw_score_curves(evidence, ["Assault_005"])).data
    for contender, seeds in evidence.scores.items():
        part = data[data["method"] == contender.label].reset_index()
        for k in range(len(part)):
            scaled = []
            for scored in seeds:
                rows = np.flatnonzero(scored.video == scored.names.index("Assault_005"))
                low, high = min(scored.scores), max(scored.scores)
                scaled.append((scored.scores[rows[k]] - low) / (high - low))
            assert part.loc[k, "scaled"] == pytest.approx(np.mean(scaled))
            assert part.loc[k, "scaled_high"] == pytest.approx(max(scaled))
            assert part.loc[k, "first_frame"] == 16 * k


def test_a_video_that_is_none_is_named(evidence: Evidence) -> None:
    with pytest.raises(InputError, match=r"Riot_001: none of the test videos; they are called like Arson_000"):
        score_curves.draw_score_curves(evidence, ["Riot_001"])


def test_telling_videos_are_the_best_median_worst_and_most_alarming(evidence: Evidence) -> None:
    chosen = telling_videos(evidence.scores)
    aucs, alarms = video_aucs(evidence.scores), alarm_rates(evidence.scores)
    names = evidence.scores[evidence.line_up.contenders[0]][0].names
    mean = {name: np.mean([aucs[label][i] for label in aucs]) for i, name in enumerate(names) if "Normal" not in name}
    order = sorted(mean, key=lambda name: -mean[name])
    by_reason = {why: name for name, why in chosen.items()}
    assert by_reason["best found"] == order[0]
    assert by_reason["median"] == order[len(order) // 2]
    assert by_reason["worst found"] == order[-1]
    normal = {n: np.mean([alarms[label][i] for label in alarms]) for i, n in enumerate(names) if "Normal" in n}
    assert [name for name, why in chosen.items() if why == "normal"] == sorted(normal, key=lambda n: -normal[n])[:2]
    assert len(chosen) == 6


def test_the_auc_of_a_video_is_that_of_its_frames(evidence: Evidence) -> None:
    contender = evidence.line_up.contenders[0]
    for i in (0, 5):
        expected = []
        for scored in evidence.scores[contender]:
            one = scored.subset(np.arange(len(scored.names)) == i)
            expected.append(frame_metrics(one)["auc_frame"])
        assert video_aucs(evidence.scores)[contender.label][i] == pytest.approx(np.mean(expected))


def test_selections_are_those_of_the_records(evidence: Evidence) -> None:
    data = drawn(selection.draw_selection(evidence)).data
    assert data["selected"].tolist() == ["oracle", "last"] * 6
    for method, part in data.groupby("method"):
        last = part.loc[part["selected"] == "last", "test"]
        oracle = part.loc[part["selected"] == "oracle", "test"]
        assert (oracle.to_numpy() - last.to_numpy()).tolist() == pytest.approx([0.02] * 3), method


def test_training_curves_are_means_of_steps_and_seeds(evidence: Evidence) -> None:
    data = drawn(training.draw_training(evidence)).data
    part = data[(data["method"] == "RTFM") & (data["term"] == "mil")]
    assert part["mean"].tolist() == pytest.approx([1.5 / step for step in range(1, 41)], rel=1e-6)
    assert set(data["term"]) == {"loss", "mil", "smooth"}


def test_projections_say_how_separated_the_classes_are(evidence: Evidence) -> None:
    project_all(evidence)
    figure = drawn(tsne.draw_tsne(evidence, {"MMIL": "it defines no embedding"}))
    assert figure.data["panel"].unique().tolist() == ["backbone features", "RTFM", "CLAV+CoMo"]
    assert "RTFM, k-NN AUC 87, silhouette 0.12" in figure.alt
    assert "No panel for MMIL: it defines no embedding." in figure.caption


@pytest.mark.parametrize(
    ("options", "name", "reason"),
    [
        ({"counts": {"": 4}}, "class-wise", "cameras names no classes"),
        ({"looks": False}, "selection", "the runs were not looked at (`--looks`)."),
        ({}, "t-sne", "no embedding is stored."),
    ],
)
def test_what_cannot_be_drawn_has_a_reason(options: dict[str, object], name: str, reason: str, tmp_path: Path) -> None:
    figure = LINE_UP_FIGURES[name](evidence_of(tmp_path, **options), FigureChoices())
    assert isinstance(figure, Absence)
    assert figure.reason.startswith(reason)


def test_test_frames_of_one_kind_leave_no_curves(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path)
    evidence.scores = {c: [replace(s, positive=0 * s.positive) for s in v] for c, v in evidence.scores.items()}
    assert detection.draw_detection(evidence) == Absence(
        "cameras-quick", "curves", detection.TITLE, "its test frames are all of one kind."
    )


@pytest.mark.parametrize("name", ["class-wise", "curves", "scores"])
def test_damaged_scores_are_left_out_and_none_at_all_is_said(name: str, tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path)
    rtfm, clav = evidence.line_up.contenders
    for run, key in rtfm.seeds:
        (evidence.store.folder(run) / "evaluations" / f"{key}.npz").write_bytes(b"torn")
    figure = drawn(LINE_UP_FIGURES[name](evidence, FigureChoices()))
    assert "RTFM" not in figure.alt
    assert "Left out, as stored scores are missing or damaged: RTFM." in figure.caption
    for run, key in clav.seeds:
        (evidence.store.folder(run) / "evaluations" / f"{key}.npz").unlink()
    figure = LINE_UP_FIGURES[name](Evidence(evidence.line_up, evidence.store, Palette(())), FigureChoices())
    assert isinstance(figure, Absence)
    assert figure.reason == "no scores are stored."


@pytest.mark.parametrize("damage", ["", "step,loss\n", "loss\n1\n", "step,loss\n1,abc\n", "\x00\xff"])
def test_damaged_loss_curves_are_left_out(damage: str, tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path)
    for contender in evidence.line_up.contenders:
        for run, _ in contender.seeds:
            (evidence.store.folder(run) / "losses.csv").write_text(damage)
    figure = training.draw_training(evidence)
    assert isinstance(figure, Absence)
    assert figure.reason == "no loss curves are stored."


def test_one_seed_and_one_method_are_drawn(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path, seeds=1)
    alone = Evidence(evidence.line_up.choose(["RTFM"]), evidence.store, Palette(()))
    for name in ("class-wise", "curves", "scores", "selection", "training"):
        figure = drawn(LINE_UP_FIGURES[name](alone, FigureChoices()))
        assert render(figure.draw, ["png"]).contents["png"]
        assert figure.caption[0].endswith("profile quick, 1 seed, 1 of 2 crops.")


def frozen_table(**changes: object) -> Table:
    plan = TablePlan.model_validate_json((FROZEN / "table4.plan.json").read_bytes()).model_copy(update=changes)
    return fill_table(plan, RunStore(FROZEN / "runs"), "last")


def test_the_heat_map_shows_the_cells_of_the_table() -> None:
    table = frozen_table()
    figure = drawn(draw_cross_dataset(table))
    assert len(figure.data) == len(table.cells)
    for row, cell in zip(figure.data.to_dict("records"), table.cells, strict=True):
        assert (row["method"], row["trained_on"], row["tested_on"]) == (cell.row, cell.train, cell.test)
        assert np.isnan(row["mean"]) if cell.summary is None else row["mean"] == cell.summary.mean
    assert render(figure.draw, ["png"]).contents["png"]


@pytest.mark.parametrize(
    ("drop", "said"), [(0.599, "↓60 %"), (0.012, "↓1 %"), (0.004, "↓0.4 %"), (-0.004, "↑0.4 %"), (-1.5, "↑150 %")]
)
def test_a_small_drop_does_not_come_to_nothing(drop: float, said: str) -> None:
    table = frozen_table()
    some = next(cell for cell in table.cells if cell.drop is not None)
    cells = tuple(replace(cell, drop=drop) if cell is some else cell for cell in table.cells)
    picture = drawn(draw_cross_dataset(replace(table, cells=cells))).draw()
    drawn_texts = [text.get_text() for axis in picture.axes for text in axis.texts]
    assert sum(text.endswith(f"\n{said}") for text in drawn_texts) == 1


def test_a_table_without_runs_has_no_figures(tmp_path: Path) -> None:
    results = make_results(tmp_path, stored=False)
    (plan,) = results.plans(None)
    cross = fill_table(plan.model_copy(update={"protocol": "cross"}), RunStore(results.runs), "last")
    assert isinstance(draw_cross_dataset(cross), Absence)
    figure = draw_forest(cross)
    assert isinstance(figure, Absence)
    assert figure.reason == "no two of its rows can be compared."


def test_the_forest_has_the_differences_of_the_table(tmp_path: Path) -> None:
    results = make_results(tmp_path)
    (plan,) = results.plans(None)
    table = fill_table(plan, RunStore(results.runs), "last")
    (figure,) = map(drawn, figures_of_table(table))
    (row,) = figure.data.to_dict("records")
    difference = table.cell("CLAV+CoMo", "cameras", "cameras").difference
    assert difference is not None
    assert (row["row"], row["against"]) == ("CLAV+CoMo", "RTFM")
    assert (row["difference"], row["ci_low"], row["ci_high"]) == (difference.gap, difference.ci_low, difference.ci_high)
    assert render(figure.draw, ["png"]).contents["png"]


def test_the_forest_has_the_best_first_where_all_are_compared_with_one_row() -> None:
    data = pd.DataFrame(
        {
            "column": ["b", "b", "a", "a"],
            "against": "RTFM",
            "difference": [0.1, 0.3, -0.2, 0.4],
        }
    )
    assert in_order(data)["difference"].tolist() == [0.3, 0.1, 0.4, -0.2]
    assert in_order(data.assign(against=["RTFM", "RTFM", "RTFM", "MMIL"])).index.tolist() == [0, 1, 2, 3]


def contenders(*named: str) -> tuple[Contender, ...]:
    return tuple(Contender(label, "", label if label in ("rtfm", "clav") else "", "", ()) for label in named)


def test_a_method_has_one_colour_in_all_figures() -> None:
    palette = Palette(("a", "b", "c", "d", "e"))
    alone, together = palette.colours(contenders("b")), palette.colours(contenders("rtfm", "a", "b", "clav"))
    assert alone["b"] == together["b"]
    assert palette.colours(contenders("rtfm"))["rtfm"] == together["rtfm"]


def test_colours_of_a_figure_differ_even_where_two_methods_claim_one() -> None:
    many = contenders("clav", "a", "b", "c", "d", "e", "f", "g", "rtfm")
    colours = Palette(tuple(c.label for c in many if not c.method)).colours(many)
    assert len(set(colours.values())) == len(many)
    assert list(colours) == [c.label for c in many]


@pytest.mark.filterwarnings("error")
def test_names_with_dollars_and_of_any_length_are_drawn(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path)
    odd = "a $x_1$ & <b>" + "y" * 100
    line_up: LineUp = evidence.line_up
    first = replace(line_up.contenders[0], label=odd, method="")
    renamed = replace(line_up, contenders=(first, line_up.contenders[1]))
    for name in ("class-wise", "curves", "scores", "selection", "training"):
        figure = drawn(LINE_UP_FIGURES[name](Evidence(renamed, evidence.store, Palette((odd,))), FigureChoices()))
        assert render(figure.draw, ["svg"]).contents["svg"]
    assert shorten(odd) == f"{odd[:20]}…{odd[-20:]}"


def rescored(evidence: Evidence, change: Callable[[ScoredVideos], ScoredVideos]) -> Evidence:
    """Store other scores of the same evaluations."""
    store = evidence.store
    for contender, seeds in evidence.scores.items():
        for (run, key), scored in zip(contender.seeds, seeds, strict=True):
            evaluation = store.evaluation(run, key)
            assert evaluation is not None
            store.write_scores(run, key, change(scored))
            store.write_evaluation(evaluation)
    return Evidence(evidence.line_up, store, Palette(()))


def test_clips_that_are_abnormal_throughout_have_one_class_wise_auc(evidence: Evidence) -> None:
    def throughout(scored: ScoredVideos) -> ScoredVideos:
        inside = (scored.labels == 1)[scored.video]
        return replace(scored, positive=np.where(inside, 16, 0), negative=np.where(inside, 0, 16))

    figure = drawn(class_wise.draw_class_wise(rescored(evidence, throughout)))
    assert set(figure.data["definition"]) == {"auc_class_vs_normal"}
    assert len(figure.draw().axes) == 1


def test_a_test_set_without_normal_videos_is_drawn_without_them(evidence: Evidence) -> None:
    evidence = rescored(evidence, lambda scored: scored.subset(scored.labels == 1))
    figure = drawn(class_wise.draw_class_wise(evidence))
    assert set(figure.data["definition"]) == {"auc_class"}
    curves = drawn(detection.draw_detection(evidence))
    assert not any("false alarms" in sentence for sentence in (*curves.caption, curves.alt))
    assert "normal" not in " ".join(telling_videos(evidence.scores).values())


def test_a_test_set_in_which_no_video_says_anything_has_no_score_curves(evidence: Evidence) -> None:
    def throughout(scored: ScoredVideos) -> ScoredVideos:
        abnormal = scored.subset(scored.labels == 1)
        return replace(abnormal, positive=0 * abnormal.positive + 16, negative=0 * abnormal.negative)

    assert isinstance(score_curves.draw_score_curves(rescored(evidence, throughout)), Absence)


def test_looks_at_other_labels_are_no_looks_at_these(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path)
    first = evidence.line_up.contenders[0]
    evidence.records[first] = [r.model_copy(update={"oracle_test_hash": "others"}) for r in evidence.records[first]]
    figure = drawn(selection.draw_selection(evidence))
    assert figure.data["method"].unique().tolist() == ["CLAV+CoMo"]
    assert "Left out, as the looks were at other test videos or labels: RTFM." in figure.caption


def test_a_video_may_be_telling_for_two_reasons() -> None:
    one, other = draw_scores(0, 0.9, {"Arson": 1}), draw_scores(1, -0.9, {"Arson": 1})
    scores = {Contender("a", "", "", "", ()): [one], Contender("b", "", "", "", ()): [other]}
    assert telling_videos(scores)["Arson_000"] == "best found, median, worst found, methods differ most"


def table_of_many(methods: int) -> Table:
    """The frozen table with one of its rows under many names."""
    row = frozen_table().plan.rows[0]
    rows = tuple(row.model_copy(update={"label": f"method {i}", "against": "method 0"}) for i in range(methods))
    return frozen_table(rows=rows)


@pytest.mark.parametrize("methods", [1, 12, 60, 130])
def test_a_heat_map_has_a_line_for_each_method_and_ends_somewhere(methods: int) -> None:
    figure = drawn(draw_cross_dataset(table_of_many(methods)))
    picture = figure.draw()
    assert picture.get_figwidth() <= 7.17
    assert picture.get_figheight() <= 2 + 0.3 * min(methods, 120)
    assert [label.get_text() for label in picture.axes[0].get_yticklabels()][-1] == f"method {min(methods, 120) - 1}"
    assert ("Drawn are the first 120 of 130 methods" in " ".join(figure.caption)) == (methods > 120)
    assert figure.data["method"].nunique() == methods


def test_a_heat_map_is_made_without_drawing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = drawn(draw_cross_dataset(table_of_many(12)))
    drawings: list[object] = []
    usual = FigureCanvasAgg.draw
    monkeypatch.setattr(FigureCanvasAgg, "draw", lambda self: (drawings.append(self), usual(self)))
    figure.draw()
    assert not drawings
    render(figure.draw, ["png"])
    assert len(drawings) <= 2


def test_the_forest_of_many_differences_draws_those_that_say_most(tmp_path: Path) -> None:
    (plan,) = (results := make_results(tmp_path)).plans(None)
    first, other = plan.rows
    rows = [first, *(other.model_copy(update={"label": f"method {i}"}) for i in range(160))]
    table = fill_table(plan.model_copy(update={"rows": tuple(rows)}), RunStore(results.runs), "last")
    figure = drawn(draw_forest(table))
    assert len(figure.data) == 160
    assert "Drawn are the 150 of 160 differences with the smallest p" in " ".join(figure.caption)
    assert len(figure.draw().axes[0].get_yticks()) == 150


@pytest.mark.parametrize("size", [(7, 3), (7, 2000), (300, 300)])
def test_the_pixels_of_a_picture_are_bounded(size: tuple[float, float]) -> None:
    def draw() -> Canvas:
        figure = canvas(*size)
        figure.subplots()
        return figure

    rendered = render(draw, ["png"])
    width, height = struct.unpack(">II", rendered.contents["png"][16:24])
    assert width * height <= 40_100_000
    assert max(width, height) < 1 << 16
    assert size[0] * size[1] > 100 or (width, height) == (1400, 600)


def test_loss_curves_are_missed_of_runs_that_were_trained_here(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path)
    rtfm, _ = evidence.line_up.contenders
    for run, _ in rtfm.seeds:
        (evidence.store.folder(run) / "losses.csv").unlink()
    missed = "Loss curves that are missing or damaged are left out: RTFM (0 of 3 runs)."
    assert missed in drawn(training.draw_training(evidence)).caption
    imported = [
        r.model_copy(update={"spec": r.spec.model_copy(update={"imported": True})}) for r in evidence.records[rtfm]
    ]
    evidence.records = {**evidence.records, rtfm: imported}
    assert missed not in drawn(training.draw_training(evidence)).caption


def test_letters_that_no_font_has_are_named_and_nothing_else_is_said(recwarn: pytest.WarningsRecorder) -> None:
    def draw() -> Canvas:
        figure = canvas(2, 1)
        figure.text(0.1, 0.5, "Fire \ue123 cost $5 to $10")  # of the private use area: in no font
        return figure

    drawn = render(draw, ["png", "svg"])
    assert drawn.lacking == {"\ue123"}
    assert not any("Glyph" in str(warning.message) for warning in recwarn)
    assert render(lambda: canvas(2, 1), ["png"]).lacking == frozenset()


def test_event_recall_is_that_of_the_thresholds_one_by_one(evidence: Evidence) -> None:
    figure = drawn(draw_events(evidence))
    annotated = evidence.store.events(evidence.line_up.dataset.test_hash)
    assert annotated is not None
    assert "8 events" in figure.caption[2]
    assert "(assumed)" in figure.caption[2]
    for contender, seeds in evidence.scores.items():
        part = figure.data[figure.data["method"] == contender.label]
        found = [Alarms.find(scored, annotated.intervals, annotated.fps) for scored in seeds]
        for rate, *shown in part.iloc[::40][["false_alarms_per_hour", "mean", "low", "high"]].to_numpy():
            recalls = []
            for alarms in found:
                points = [alarms.at(threshold) for threshold in alarms.thresholds]
                kept = list(itertools.takewhile(lambda point, most=rate: point[0] <= most, points))
                recalls.append(kept[-1][1] if kept else 0.0)
            assert shown == pytest.approx([np.mean(recalls), min(recalls), max(recalls)])


def test_a_test_set_whose_events_are_not_stored_says_what_adds_them(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path)
    for path in (evidence.store.root / "events").iterdir():
        path.unlink()
    found = draw_events(evidence)
    assert isinstance(found, Absence)
    assert found.reason.startswith("the events of its test videos are not stored")
