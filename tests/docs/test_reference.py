"""The reference says what the code says, and all of it."""

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click
import pytest

from docs import build, events, pages
from fieldserve.cli import COMMANDS, cli
from fieldserve.config import Settings
from fieldserve.wire import tokens
from fieldserve.wire.operations import OPERATIONS
from fieldserve.wire.operator import OPERATOR_ROUTES

SOURCE = build.ROOT / "src" / "fieldserve"
REFERENCE = build.DOCS / "reference"


def page(name: str) -> str:
    return (REFERENCE / name).read_text("utf-8")


def source() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(SOURCE.rglob("*.py")):
        yield path, ast.parse(path.read_text("utf-8"))


@pytest.mark.parametrize("name", [*build.WHOLE_PAGES, *build.SECTIONS])
def test_pages_are_current(name: str) -> None:
    """What `make docs` would write is what is there."""
    assert (build.DOCS / name).read_text("utf-8") == build.written(name), f"{name} is out of date: run make docs"


def test_a_page_that_differs_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`docs/build.py --check` fails where the code says something else, and writes nothing."""
    monkeypatch.setitem(build.WHOLE_PAGES, "reference/settings.md", lambda: "# Settings\n")
    before = page("settings.md")
    assert build.main(["--check"]) == 1
    assert "docs/reference/settings.md differs" in capsys.readouterr().out
    assert page("settings.md") == before


def test_every_operation_is_documented() -> None:
    """Each of the 17 has a heading, its call, its usage plan and every text of its own."""
    text = page("operations.md")
    for operation in OPERATIONS:
        section = text.partition(f"\n## {operation.id}\n")[2].partition("\n## ")[0]
        assert f"`{operation.method} {operation.path}`" in section
        assert f"{operation.rate:g} requests a second, {operation.burst} at once" in section
        for parameter in operation.parameters:
            assert f"| `{parameter.name}` | {parameter.where} |" in section
        for says in operation.own_errors:
            assert says.message in section
            assert says.when in section


def test_every_call_of_operators_is_documented() -> None:
    """Each route of the operator API has a heading, and its call below it."""
    for route in OPERATOR_ROUTES:
        assert f"\n## {route.id}\n\n`{route.method} {route.path}`\n" in page("operator.md")


def test_every_error_is_documented() -> None:
    """Each entry of the catalogue, of the API and of the token endpoint, is on the page with its occasion."""
    text = page("errors.md").replace(r"\|", "|")
    for name, says in pages.texts_of_the_wire().items():
        assert f"| {says.status} | `{says.code}` | {says.message} |" in text, name
    for refuses in tokens.CATALOGUE:
        assert f"| {refuses.status} | `{refuses.code}` | {refuses.description} | {refuses.when} |" in text


def test_an_error_in_no_list_is_refused() -> None:
    """A text that no operation lists stops the writing of the page."""
    with pytest.raises(ValueError, match="lists wire"):
        pages.refuse_unlisted([])


def test_every_warning_is_documented() -> None:
    """Each code that a `Warn(…)` in the code can have is on the page."""
    found = set()
    for path, tree in source():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Warn":
                code = node.args[0]
                found.add(code.value if isinstance(code, ast.Constant) else f"{path.name}:{ast.unparse(code)}")
    documented = {code.strip("`") for code, _, _ in pages.warnings()}
    named = {"appointments.py:RESOURCES_UNASSIGNED", "appointments.py:RESOURCES_OVERBOOKED"}
    assert {str(code).rpartition(":")[2] for code in found} == documented
    assert {code for code in found if ":" in str(code)} == named


def test_every_setting_is_documented() -> None:
    """Each setting says what it is, and is on the page with its variable."""
    documented = pages.setting_docstrings()
    for field in fields(Settings):
        assert documented.get(field.name), f"say below Settings.{field.name} what it is"
        assert f"| `{field.name}` | `FIELDSERVE_{field.name.upper()}` |" in page("settings.md")


def test_every_variable_is_documented() -> None:
    """Whatever FIELDSERVE_… the code names is on the page."""
    for path, tree in source():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for name in re.findall(r"FIELDSERVE_[A-Z_]*[A-Z]", node.value):
                    assert f"`{name}`" in page("settings.md"), f"{path.name} names {name}"


def test_every_command_is_documented() -> None:
    """Each command and subcommand has a heading, and each of its options is below it."""

    def walk(command: click.Command, name: str) -> None:
        section = re.split(rf"^#+ {re.escape(name)}$", page("commands.md"), flags=re.MULTILINE)[1].partition("\n#")[0]
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.opts[0] in section, f"{name} {parameter.opts[0]}"
        for sub, found in getattr(command, "commands", {}).items():
            walk(found, f"{name} {sub}")

    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        walk(command, f"fieldserve {name}")


# ---- events

_KIND = re.compile(r"[a-z_]+\.(?!(?:json|db|key|html|css|js|dump|tar|gz|sql)$)[a-z_]+")


def kinds_in_the_code() -> set[str]:
    """The kinds of events that operations append: texts of that form that are no name of a file.

    Those of documents are put together; there the second argument of each `_event(document, …)` is what happened."""
    found = set()
    for path in sorted((SOURCE / "operations").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _KIND.fullmatch(node.value):
                found.add(node.value)
            if path.name == "documents.py" and isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_event":
                happened = node.args[1]
                assert isinstance(happened, ast.Constant)
                assert isinstance(happened.value, str)
                found.add(f"document.{happened.value}")
    return found


def test_every_kind_of_event_is_documented() -> None:
    """The table of events has exactly the kinds that the code appends."""
    assert kinds_in_the_code() == set(events.BY_KIND)


def test_events_are_appended_by_operations_only() -> None:
    """No other floor makes an event, so that the test above looks everywhere it has to."""
    for path, tree in source():
        floor = path.relative_to(SOURCE).parts[0]
        makes = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) in MAKING]
        assert not makes or floor in ("operations", "store"), f"{path} makes an event"


MAKING = ("Event", "events.Event")
