"""What CLAV says of its parts: the heads as they are, and the relation of one video given to another."""

import pytest
import torch

from benchmark.api import Diagnostics
from benchmark.plugins.add_ons import assemble
from benchmark.plugins.diagnostics import check_diagnosed
from methods.clav.clav import CLAV
from methods.ica import PlainConvolution
from tests.unit.methods import bags

FEATURES = bags.batch(videos=3).normal.features


def diagnose(**config) -> tuple[CLAV, Diagnostics]:
    method = bags.build(CLAV, **config).eval()
    with torch.no_grad():
        return method, check_diagnosed(method.diagnostics(FEATURES), FEATURES, method.features)


def test_scores_are_those_that_are_fused():
    method, found = diagnose(alpha=0.4)
    assert list(found.scores) == ["S", "S_R"]
    fused = (found.scores["S"] + 0.4 * found.scores["S_R"]) / 1.4
    torch.testing.assert_close(method.score(FEATURES).detach(), fused)


def test_predictions_are_what_the_losses_compare():
    method, found = diagnose()
    activated = method.activation(FEATURES)
    intensity = method.relation.dynamic.layers(activated).squeeze(-1)
    torch.testing.assert_close(found.predictions["motion"], intensity.mean(1).detach())
    for video, (features, predicted) in enumerate(zip(activated, found.predictions["objects"], strict=True)):
        static = sorted(intensity[video].mean(0).argsort(stable=True)[:8].tolist())  # 0.8 of 10
        crops = [method.relation.context.objects(method.relation.context(crop[static])) for crop in features]
        torch.testing.assert_close(predicted, torch.stack(crops).mean(0).detach())


@pytest.mark.parametrize(
    "config",
    [{}, {"graph_fusion": "states"}, {"context_nodes": "rows"}, {"relation_extent": "residual"}],
    ids=str,
)
def test_a_swapped_score_is_of_own_segments_and_anothers_relation(config):
    method, found = diagnose(**config)
    module = method.relation
    graph, activated = module.propagation, method.activation(FEATURES)
    relation = module(activated, FEATURES)
    for i in range(3):
        for j in range(3):
            scores = []
            for own, other, context in zip(activated[i], activated[j], relation.context[j], strict=True):
                context = context if config.get("context_nodes") == "rows" else context.mean(0, keepdim=True)
                motion = graph.motion(graph.theta(other).T @ graph.phi(other) / len(other))
                scene = graph.context(graph.theta(context).T @ graph.phi(context) / len(context))
                both = torch.cat([motion, scene], dim=1 if config.get("graph_fusion") == "states" else 0)
                whole = graph.mix_states(graph.mix_nodes(both.T).T.relu())
                itself = graph.phi(own) if config.get("relation_extent") == "residual" else 0
                scores.append(module.head(module.norm(graph.theta(own) @ whole + itself)).squeeze(-1).sigmoid())
            torch.testing.assert_close(found.crossed["S_R"][i, j], torch.stack(scores).mean(0).detach())


@pytest.mark.parametrize("config", [{}, {"relation_extent": "video"}, {"relation_extent": "residual"}], ids=str)
def test_with_its_own_relation_a_video_keeps_its_score(config):
    _, found = diagnose(**config)
    own = torch.stack([found.crossed["S_R"][i, i] for i in range(3)])
    torch.testing.assert_close(own, found.scores["S_R"])
    assert not torch.allclose(found.crossed["S_R"][0, 1], own[0])


def test_what_is_not_there_is_not_said():
    _, found = diagnose(relation="rn")
    assert (list(found.scores), list(found.crossed)) == (["S", "S_R"], [])
    _, found = diagnose(relation="none")
    assert (list(found.scores), found.predictions, found.crossed) == (["S"], {}, {})
    _, found = diagnose(intensity_weight=0, objects_weight=0)
    assert found.predictions == {}
    assert list(found.crossed) == ["S_R"]


def test_an_add_on_in_front_passes_them_through():
    told = bags.build(CLAV).features
    add_ons = [(PlainConvolution, PlainConvolution.Config())]
    method = assemble(CLAV, CLAV.Config(activation="none"), add_ons, told).double().eval()
    with torch.no_grad():
        found, behind = method.diagnostics(FEATURES), method.method.diagnostics(method.add_ons[0](FEATURES))
    torch.testing.assert_close(found.scores, behind.scores)
    torch.testing.assert_close(found.crossed, behind.crossed)
