"""Writes the static sandbox's data file from the published model.

    FIELDSERVE_MODEL=path/to/services.json python tools/static_cases.py

The model is not part of this repository; the cases are facts about the API, kept in a layout of our own: see
``_DataFile`` in ``fieldserve/sandbox/static.py`` for how it reads.
"""

import json
import os
import re
import string
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DATA_FILE = Path(__file__).parents[1] / "src/fieldserve/sandbox/static_cases.json"

# The tail that the sandbox's ids share: validJobId-<tail>, nullJobId has none.
ID_TAIL = re.compile(r"[0-9a-z]{8}(?:-[0-9a-z]{4}){3}-[0-9a-z]{12}")
# A shorter value takes no more room than the reference to it and its entry in the table.
WORTH_SHARING = 60


def published(model: dict[str, Any]) -> Iterator[tuple[str, int, dict[str, Any], Any]]:
    """Every static case of the model in its order: operation id, status, parameters by name, answer."""
    for path_item in model["paths"].values():
        for operation in path_item.values():
            if not isinstance(operation, dict):  # the parameters that the operations of a path have in common
                continue
            for status, response in operation["responses"].items():
                for case in response.get("x-amzn-api-sandbox", {}).get("static", []):
                    parameters = _values(case["request"]["parameters"])
                    yield operation["operationId"], int(status), parameters, case["response"]


def _values(parameters: dict[str, Any]) -> dict[str, Any]:
    """``{"asin": {"value": …}}`` as ``{"asin": …}``.

    One case of getFixedSlotCapacity has its resourceId inside of body, beside body's value: it belongs one
    level higher.
    """
    values = {name: given["value"] for name, given in parameters.items()}
    for given in parameters.values():
        values |= {name: stray["value"] for name, stray in given.items() if name != "value"}
    return values


def render(model: dict[str, Any]) -> str:
    """The text of the data file."""
    rows: dict[str, list[Any]] = {}
    for operation_id, status, parameters, answer in published(model):
        # The model writes a 204 as "" or {}; on the wire it has no body.
        rows.setdefault(operation_id, []).append([status, parameters, None if status == 204 else answer])
    _refuse_marks(rows)
    words = dict(zip(string.ascii_lowercase, _repeated_tails(rows), strict=False))
    worded = json.loads(_name_tails(json.dumps(rows), words))
    shared = {text: str(number) for number, text in enumerate(_repeated_values(worded), 1)}
    table = {number: _fold_inside(json.loads(text), shared) for text, number in shared.items()}
    operations = {
        operation_id: [
            [status, _fold_inside(wanted, shared), _fold(answer, shared)] for status, wanted, answer in cases
        ]
        for operation_id, cases in worded.items()
    }
    return _lay_out(words, table, operations)


def _refuse_marks(value: Any) -> None:
    """ValueError where a text of the model would be taken for a reference."""
    for text in _texts(value):
        if text.startswith("#") or "{" in text:
            raise ValueError(f"the data file has no way to say {text!r}")


def _repeated_tails(value: Any) -> list[str]:
    counts = Counter(tail for text in _texts(value) for tail in ID_TAIL.findall(text))
    return [tail for tail, count in counts.items() if count > 1]


def _name_tails(text: str, words: dict[str, str]) -> str:
    names = {tail: name for name, tail in words.items()}
    return ID_TAIL.sub(lambda tail: f"{{{names[tail[0]]}}}" if tail[0] in names else tail[0], text)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for item in _items(value):
        yield from _texts(item)


def _items(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _repeated_values(rows: dict[str, list[Any]]) -> list[str]:
    """The JSON texts that occur more than once, other than inside of a larger one that does."""
    counts: Counter[str] = Counter()

    def visit(value: Any) -> None:
        text = json.dumps(value)
        if len(text) >= WORTH_SHARING:
            counts[text] += 1
            if counts[text] > 1:
                return
        for item in _items(value):
            visit(item)

    for operation_rows in rows.values():
        for _, parameters, answer in operation_rows:
            # Not the parameters as a whole: their names are what a case is read by.
            for value in parameters.values():
                visit(value)
            visit(answer)
    return [text for text, count in counts.items() if count > 1]


def _fold(value: Any, shared: dict[str, str]) -> Any:
    name = shared.get(json.dumps(value))
    return f"#{name}" if name else _fold_inside(value, shared)


def _fold_inside(value: Any, shared: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _fold(item, shared) for key, item in value.items()}
    if isinstance(value, list):
        return [_fold(item, shared) for item in value]
    return value


def _lay_out(words: dict[str, str], shared: dict[str, Any], operations: dict[str, list[Any]]) -> str:
    """One line a word, shared value and case, so that a change of the model shows as a change of its lines.

    Characters outside of ASCII are escaped: a no-break space looks like a space, and editors replace it.
    """
    tables = [
        f'"words": {{\n{_lines(words)}\n}}',
        f'"shared": {{\n{_lines(shared)}\n}}',
        '"operations": {\n'
        + ",\n".join(
            f"{json.dumps(name)}: [\n" + ",\n".join(f"  {json.dumps(row)}" for row in rows) + "\n]"
            for name, rows in operations.items()
        )
        + "\n}",
    ]
    return "{\n" + ",\n".join(tables) + "\n}\n"


def _lines(table: dict[str, Any]) -> str:
    return ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in table.items())


if __name__ == "__main__":
    model_file = os.environ.get("FIELDSERVE_MODEL")
    if not model_file:
        raise SystemExit("set FIELDSERVE_MODEL to the path of the published model of the Services API")
    DATA_FILE.write_text(render(json.loads(Path(model_file).read_text("utf-8"))), "utf-8")
    print(f"wrote {DATA_FILE}")
