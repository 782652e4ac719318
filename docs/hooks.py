"""What `mkdocs` is told besides mkdocs.yml: pages that stand outside docs/ or are made of the code, and the methods."""

import re
from pathlib import Path
from posixpath import normpath, relpath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from benchmark.cli import whole_command

ROOT = Path(__file__).parents[1]
PLACES = {"README.md": "index.md"} | {
    name: name for name in ("CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "CITATION.cff")
}
"""A file beside docs/ -> where it stands in the site."""
COMMANDS = "reference/commands.md"
LINK = re.compile(r"(!?\[[^\]]*\])\(([^)#\s]+)(#[^)\s]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the pages of all methods where `methods` stands in the navigation."""
    pages = sorted(path.name for path in (ROOT / "docs" / "methods").glob("*.md") if path.name != "README.md")
    listed = ["methods/README.md", *(f"methods/{name}" for name in pages)]
    config.nav = [{"Methods": listed} if entry == {"Methods": "methods"} else entry for entry in config.nav or []]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not files of docs/."""
    for name, place in PLACES.items():
        files.append(File.generated(config, place, content=(ROOT / name).read_text(encoding="utf-8")))
    files.append(File.generated(config, COMMANDS, content=describe_commands()))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Turn links that are right in the repository into links that are right in the site."""
    place = page.file.src_uri
    source = {to: name for name, to in PLACES.items()}.get(place, f"docs/{place}")

    def turned(link: re.Match[str]) -> str:
        text, target, anchor = link.groups(default="")
        if "://" in target:
            return link[0]
        meant = normpath(f"{source}/../{target}")
        to = PLACES.get(meant, meant.removeprefix("docs/"))
        return f"{text}({relpath(to, f'{place}/..')}{anchor})"

    return LINK.sub(turned, markdown)


def describe_commands() -> str:
    """Return the page of all commands, with their arguments, options and examples, from the tree of commands."""
    lines = ["# Commands", "", "Each command says the same with `--help`.", ""]
    for path, command in walk(whole_command(), "wvad"):
        lines += [f"{'#' * (1 + len(path.split()))} `{path}`", "", (command.help or "").strip(), ""]
        context = command.make_context(path, [], resilient_parsing=True)
        panels: dict[str, list[str]] = {}
        for parameter in [] if hasattr(command, "commands") else command.params:
            record = parameter.get_help_record(context)
            if record is not None:
                name, said = record
                row = f"| `{name}` | {in_cell(said)} |"
                panels.setdefault(parameter.rich_help_panel or "Arguments", []).append(row)
        for panel, rows in panels.items():
            lines += [f"| {panel} | |", "|---|---|", *rows, ""]
        lines += [command.epilog or "", ""]
    return "\n".join(lines)


def walk(command: Any, path: str) -> list[tuple[str, Any]]:
    """Return a command and all that are below it, each with what is written to call it."""
    below = getattr(command, "commands", {})
    return [(path, command), *(found for name in below for found in walk(below[name], f"{path} {name}"))]


def in_cell(text: str) -> str:
    """Return text without what would end a table's cell or begin a link, outside of code."""
    return text if "`" in text else text.replace("|", "\\|").replace("[", "&#91;")
