"""What a page takes along: its style, its script, plotly.js and its numbers, and the policy that admits no more."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from importlib.resources import files

from reports.island.packing import compress, pack

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {scripts}"
"""The page may load nothing from anywhere, and of what stands in it run only its own scripts, by their hashes."""
MODULES = (
    *("elements", "data", "choice", "tables", "charts", "classes", "curves", "embedding", "scores", "navigation"),
    "start",
)
"""Parts of the page's script, in the order in which they need one another."""


def asset(name: str) -> str:
    """Return a file beside this module."""
    return (files("reports.page") / name).read_text(encoding="utf-8")


def own_script() -> str:
    """Return the page's script."""
    return '\n"use strict";\n' + "\n".join(asset(f"scripts/{name}.js") for name in MODULES)


def policy(scripts: Sequence[str]) -> str:
    """Return the policy of a page that runs some scripts."""
    return POLICY.format(scripts=" ".join(f"'sha256-{_digest(script)}'" for script in scripts))


def plotly_script() -> str:
    """Return plotly.js, which comes with Plotly's package."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def islands(content: object, plotly: str) -> Iterator[str]:
    """Return the numbers and plotly.js as compressed texts, which the page's script unpacks; nothing runs by itself."""
    yield f'<script type="application/gzip" id="numbers">{pack(content)}</script>'
    yield f'<script type="application/gzip" id="plotly">{compress(plotly)}</script>'


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
