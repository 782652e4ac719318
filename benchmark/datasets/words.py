"""Words in names: what those of files, folders and classes say of split and label, by whole words.

`latest` is no test list and `Abnormal` no class of normal videos, though the letters are there. Words end at anything
but letters, and where a capital begins the next: `RGBTest`, `SH_Train_new`, `test_normalv3`.
"""

from __future__ import annotations

import re
from typing import Literal

from benchmark.system.errors import InputError
from benchmark.system.text_files import shown
from benchmark.terms import Split

Label = Literal[0, 1]

_RUN = re.compile(r"[^\W\d_]+|\d+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

_STRANGE = (
    r"(?:(?:ab|a|an|un|in|non|not)normal(?:es?|ity|ities)?|abnorm|anomal(?:y|ies|ous|ie|ien|ia|ias|es?)|violen(?:ce|t)"
    r"|fights?|fighting)"
)

# What names are glued together from: `rgbtest`, `trainlist01`, `normalvideos`, and `i3dtest`, after the number.
_PART = rf"(?:train|test)(?:ing)?|normal|{_STRANGE}"
_BEFORE = (
    r"(?:d|my|own|all|new|full|rgb|flow|audio|clip|vggish|ucf|xd|sht?|shanghai|feat|features?|videos?|list)?"
    rf"(?:{_PART})*"
)
_AFTER = (
    r"(?:s|lists?|sets?|splits?|videos?|clips?|frames?|events?|feats?|features?|data|files?|names?|labels?|gt|rgb|flow"
    rf"|audio)?(?:{_PART})*v?"
)
_TRAIN = re.compile(rf"{_BEFORE}train(?:ing)?(?!s$){_AFTER}")
_TEST = re.compile(rf"{_BEFORE}test(?:ing)?{_AFTER}")

_ABNORMAL = re.compile(rf"{_BEFORE}{_STRANGE}{_AFTER}|.*(?:[不非]正常|(?<![无無非])(?<!没有)[异異]常).*")
_NORMAL = re.compile(
    rf"{_BEFORE}(?:normal(?:es?|ity|ly|cy)?|norm|(?:non?|not|without){_STRANGE}|{_STRANGE}(?:free|less)){_AFTER}"
    r"|.*(?:(?<![不非])正常|(?:[无無非]|没有)[异異]常).*"
)
_NOT = frozenset({"no", "non", "not", "without"})
_NOT_BEFORE_NORMAL = frozenset({*_NOT, "ab", "un", "in"})
_FREE_OF = re.compile(r"(?i:free|absence|lack)[\W_]*(?i:of)(?=[\W_A-Z])")
_BETWEEN = frozenset({"a", "an", "any", "the"})

# UCF-Crime's folders of normal videos carry the name of the whole set behind it: `Training_Normal_Videos_Anomaly`.
_OF_THE_ANOMALY_SET = re.compile(r"(normal[\W_]*videos)[\W_]*anomaly", re.IGNORECASE)

# Classes that mean normal videos as like as not, and say neither word.
_NEARLY_NORMAL = re.compile(
    r"no|non[a-z]*|not|nothing|without|regular|usual|ordinary|typical|nominal|neutral|neg|negative|n|false|benign"
    r"|safe|peaceful|calm|background|okay|ok|good|normal[a-z]+"
)


def splits_in(name: str) -> frozenset[Split]:
    """Return the splits that a name has a word for: `train` or `training`, `test` or `testing`."""
    found: set[Split] = set()
    for word in _words(name):
        if _TRAIN.fullmatch(word):
            found.add("train")
        if _TEST.fullmatch(word):
            found.add("test")
    return frozenset(found)


def split_in(name: str) -> Split | None:
    """Return the one split that a name has a word for; None for none or both."""
    found = splits_in(name)
    return next(iter(found)) if len(found) == 1 else None


def labels_in(name: str) -> frozenset[Label]:
    """Return the labels that a name has a word for: 0 for `normal`, 1 for `abnormal`, `anomaly` and the like.

    A word before it that says no turns it over (`no_anomaly`, `NonViolence`, `not a fight`), as `free` does after it.
    One word glued together from both says both (`NormalAbnormal`).
    """
    found: set[Label] = set()
    name = _FREE_OF.sub(" without ", _OF_THE_ANOMALY_SET.sub(r"\1", name))
    words = [word for word in _words(name) if word not in _BETWEEN]
    for before, word, after in zip(["", *words], words, [*words[1:], ""], strict=False):
        if _ABNORMAL.fullmatch(word):
            found.add(0 if before in _NOT or after == "free" else 1)
        if _NORMAL.fullmatch(word):
            found.add(1 if before in _NOT_BEFORE_NORMAL else 0)
    return frozenset(found)


def label_of_class(name: str, where: str) -> Label:
    """Return the label of the videos of a class: abnormal, unless its name has a word that says normal.

    Raises
    ------
    InputError
        If its name says both, or as good as normal without the word, or is a mere number; `where` names the file and
        line.
    """
    labels = labels_in(name)
    words = _words(name)
    nearly = words and _NEARLY_NORMAL.fullmatch(words[0])
    no_word = not any(map(str.isalpha, words))
    if len(labels) == 2 or (not labels and (nearly or no_word)):
        raise InputError(
            f"{where}: the class {shown(name)} may be of normal or abnormal videos; write `normal` in the name "
            "of a class of normal videos, and what happens, or `abnormal`, in that of another"
        )
    return 0 if labels == {0} else 1


def _words(name: str) -> list[str]:
    """Return the words of a name in small letters, and its numbers; what is a known word as a whole is one."""
    words: list[str] = []
    for run in _RUN.findall(name):
        whole = run.lower()
        if any(known.fullmatch(whole) for known in (_TRAIN, _TEST, _ABNORMAL, _NORMAL)):
            words.append(whole)
        else:
            words += [part.lower() for part in _CAMEL.split(run)]
    return words
