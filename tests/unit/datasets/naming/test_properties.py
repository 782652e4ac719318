"""However files are named after videos: they are matched as meant, or not at all."""

from hypothesis import given
from hypothesis import strategies as st

from benchmark.datasets.naming.choice import name_files
from tests.fuzz.harness import compare
from tests.fuzz.naming import GENERATOR


def test_no_two_videos_are_merged_and_no_video_is_taken_for_a_crop() -> None:
    outcomes = compare(GENERATOR, 300)
    assert outcomes["as meant"] > outcomes["refused"] > 0


_WORDS = st.text(alphabet="ab01_-.#", min_size=1, max_size=6)


@given(st.sets(_WORDS, min_size=1), st.sampled_from(["", "_i3d", "_effnet", ".v2__rgb"]))
def test_files_match_by_name_with_or_without_a_common_suffix(names: set[str], suffix: str) -> None:
    naming = name_files([(name + suffix,) for name in names], names)
    assert {name: crops[0] for name, crops in naming.files.items()} == {name: i for i, name in enumerate(names)}
    assert bool(naming.said) == bool(suffix)
    assert suffix in naming.said
