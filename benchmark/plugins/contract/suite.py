"""All checks, by name, and what each finds in words."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmark.plugins.contract import declaring, learning, scores, seeds, state, supervision
from benchmark.plugins.contract.probes import ContractError, NotCheckedError, Sources, shown
from benchmark.plugins.contract.subject import Subject
from benchmark.system.errors import NOT_THEIRS, describe
from benchmark.system.process import one_thread

Verdict = Literal["ok", "broken", "not checked"]
Check = Callable[[Subject], None]


@dataclass(frozen=True)
class Finding:
    """What one check found; the message is empty if all is right."""

    check: str
    verdict: Verdict
    message: str = ""


def _with_first_source(check: Callable[[Subject, Sources], None]) -> Check:
    def run(subject: Subject) -> None:
        with one_thread():
            check(subject, subject.sources()[0])

    return run


def _with_every_source(check: Callable[[Subject, Sources], None]) -> Check:
    def run(subject: Subject) -> None:
        for sources in subject.sources():
            told = shown(f"with {', '.join(f'{k}={v}' for k, v in sources.items())}") if sources else nullcontext()
            with one_thread(), told:
                check(subject, sources)

    return run


CHECKS: dict[str, Check] = {
    "config": declaring.check_config,
    "inputs": declaring.check_inputs,
    "loss terms": _with_every_source(learning.check_loss_terms),
    "scores": _with_every_source(scores.check_scores),
    "gradients": _with_every_source(learning.check_gradients),
    "one pair": _with_first_source(learning.check_one_pair),
    "training crops": _with_first_source(learning.check_training_crops),
    "padding": _with_first_source(learning.check_padding),
    "segments": _with_first_source(learning.check_segments),
    "crops": _with_first_source(scores.check_crops),
    "snippets": _with_first_source(scores.check_snippets),
    "feature sizes": _with_first_source(scores.check_feature_sizes),
    "blank training": _with_every_source(learning.check_blank_training),
    "blank scores": _with_first_source(scores.check_blank_scores),
    "supervision": _with_every_source(supervision.check_supervision),
    "seed": _with_first_source(seeds.check_seed),
    "evaluation": _with_first_source(state.check_evaluation),
    "argument": _with_first_source(state.check_argument),
    "save and load": _with_every_source(state.check_save_and_load),
    "crop order": _with_first_source(scores.check_crop_order),
    "mixing of videos": _with_first_source(scores.check_videos_do_not_mix),
    "embedding": _with_first_source(scores.check_embedding),
    "diagnostics": _with_every_source(scores.check_diagnostics),
}
"""Each raises ContractError, with sentences, where a method breaks the contract; on one thread, as runs on a CPU."""


def examine(subject: Subject) -> Iterator[Finding]:
    """Run all checks; an error of the method ends one check and no other."""
    seen: dict[str, str] = {}
    for name, check in CHECKS.items():
        try:
            check(subject)
        except NotCheckedError as error:
            yield Finding(name, "not checked", str(error))
        except ContractError as error:
            yield Finding(name, "broken", _with_notes(str(error), error))
        except NOT_THEIRS:
            raise
        except BaseException as error:
            what, where = _describe(error), _place(error, subject.folders())
            # One wrong line is told once, by the first check that it stops.
            first = seen.setdefault(where or what, name)
            if first == name:
                yield Finding(name, "broken", _with_notes(f"{what}{where}.", error))
            else:
                yield Finding(name, "not checked", f"stopped where the check of {first} was.")
        else:
            yield Finding(name, "ok")


def _describe(error: BaseException) -> str:
    return describe(error).rstrip(".:")


def _place(error: BaseException, folders: set[Path]) -> str:
    """Say which line of the method's own code an error comes from; nothing if from none."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).parent in folders]
    if not own:
        return ""
    return f", at {Path(own[-1].filename).name} line {own[-1].lineno}: {own[-1].line}"


def _with_notes(message: str, error: BaseException) -> str:
    notes = getattr(error, "__notes__", [])
    return f"{message} Seen {', '.join(notes)}." if notes else message
