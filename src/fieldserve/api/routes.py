"""From a path to the operations behind it, segment by segment."""

from collections.abc import Iterable, Mapping
from typing import Any

from fieldserve.wire.operations import Operation


class Routes:
    """The operations of a table as a tree: one look-up for each segment of a path, however many operations there are.

    A segment that is written out wins over a parameter. A parameter takes any segment, the empty one, too."""

    def __init__(self, operations: Iterable[Operation]):
        self._root: dict[str | None, Any] = {}
        for operation in operations:
            names = []
            node = self._root
            for segment in operation.path.split("/"):
                is_parameter = segment.startswith("{")
                if is_parameter:
                    names.append(segment[1:-1])
                node = node.setdefault(None if is_parameter else segment, {})
            known, _ = node.setdefault(_END, ({}, names))
            known[operation.method] = operation

    def find(self, path: str) -> tuple[Mapping[str, Operation], dict[str, str]]:
        """The operations on the path by method, and the path's parameters by name; nothing where there are none."""
        node = self._root
        values = []
        for segment in path.split("/"):
            if (below := node.get(segment)) is None:
                if (below := node.get(None)) is None:
                    return {}, {}
                values.append(segment)
            node = below
        operations, names = node.get(_END, _NOTHING)
        return operations, dict(zip(names, values, strict=False))


# No segment holds a slash, so this is none.
_END = "/"
_NOTHING: tuple[Mapping[str, Operation], list[str]] = ({}, [])
