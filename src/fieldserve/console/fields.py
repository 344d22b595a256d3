"""Forms over the wire's records: what a form shows of a record, what it sends of one, and what two people changed.

A form's values are flat texts by the names of its inputs, `member` or `member/part`; a box that is not ticked is "".
The values as they were shown travel with the form, so that only what somebody changed is sent, and whoever comes second
is told (`meet`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import msgspec

from fieldserve.console.pages import Refused, Visit
from fieldserve.wire.schedules import DAYS_OF_WEEK

Kind = Literal["text", "number", "decimal", "check", "words", "zone", "choice", "several", "hours"]
Values = Mapping[str, str]
# By member: the values that a field may have, and what they are called.
Options = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Field:
    """One member of a record as a form has it. `choices` are its values, or whose list they are taken from.

    `new` fields are there when something is added, `change` ones when it is changed; `house` ones for the operator's
    people alone. What is empty is absent when added, and null when changed where it may be (`may_be_empty`)."""

    member: str
    label: str
    kind: Kind = "text"
    choices: tuple[str, ...] | str = ()
    hint: str = ""
    on: Literal["both", "new", "change"] = "both"
    house: bool = False
    required: bool = False
    may_be_empty: bool = False
    default: str = ""

    def inputs(self, options: Sequence[str]) -> tuple[str, ...]:
        """The names of its inputs."""
        if self.kind == "several":
            return tuple(f"{self.member}/{one}" for one in options)
        if self.kind == "hours":
            parts = ("opens", "closes", *(("capacity",) if self.choices else ()), *DAYS_OF_WEEK)
            return tuple(f"{self.member}/{one}" for one in parts)
        return (self.member,)


def _shown(field: Field, record: Mapping[str, Any], options: Sequence[str]) -> dict[str, str]:
    """What the field's inputs show of a record."""
    value = record.get(field.member)
    if field.kind == "several":
        return {f"{field.member}/{one}": "on" if one in (value or ()) else "" for one in options}
    if field.kind == "words":
        return {field.member: ", ".join(value or ())}
    if field.kind == "check":
        return {field.member: "on" if value else ""}
    return {field.member: "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)}


def _sent(field: Field, values: Values, options: Sequence[str]) -> Any:
    """The member's value by what is typed; a number that is none stays a text, so that the wire's rules name it."""
    text = values.get(field.member, "").strip()
    match field.kind:
        case "several":
            return [one for one in options if values.get(f"{field.member}/{one}")]
        case "words":
            return [word for one in text.replace("\n", ",").split(",") if (word := one.strip())]
        case "check":
            return bool(text)
        case "number" | "decimal":
            return _number(text)
        case "hours":
            return _hours(field, values)
    return text or None if field.may_be_empty or not field.required else text


def _number(text: str) -> int | float | str | None:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text or None


def _hours(field: Field, values: Values) -> list[dict[str, Any]]:
    part = {name: values.get(f"{field.member}/{name}", "").strip() for name in ("opens", "closes", "capacity")}
    if not part["opens"] and not part["closes"]:
        return []
    # A browser's field for times knows no 24:00; there the day ends at midnight, as hours that close at 00:00 do.
    week = {"opens": part["opens"], "closes": part["closes"]}
    week["daysOfWeek"] = [day for day in DAYS_OF_WEEK if values.get(f"{field.member}/{day}")]  # type: ignore[assignment]
    return [week | ({"capacity": _number(part["capacity"])} if part["capacity"] else {})]


class Meeting(NamedTuple):
    """A form whose record was changed meanwhile: what to show now, and what the others' values are where both changed.

    What only the others changed is shown as it is now, what was typed as it was typed: nothing of either is lost."""

    values: dict[str, str]
    theirs: dict[str, str]


def meet(seen: Values, typed: Values, now: Values) -> Meeting:
    """Bring together what was seen, what was typed on it, and what is there now."""
    values = {name: typed.get(name, "") if typed.get(name, "") != seen.get(name, "") else now[name] for name in now}
    both = [name for name in now if values[name] != now[name] and now[name] != seen.get(name, "")]
    return Meeting(values, {name: now[name] for name in both})


# ---- whole forms


@dataclass(frozen=True, slots=True)
class Form:
    """What stands in the inputs, what stood there when the form was loaded, and what others made of it since."""

    values: Values
    seen: Values
    theirs: Values = field(default_factory=dict)


def shown(fields: Sequence[Field], record: Mapping[str, Any], options: Options) -> dict[str, str]:
    """What the inputs show of a record."""
    return {name: text for one in fields for name, text in _shown(one, record, [*options[one.member]]).items()}


def defaults(fields: Sequence[Field], options: Options) -> dict[str, str]:
    """What the inputs show of nothing."""
    return {name: one.default for one in fields for name in one.inputs([*options[one.member]])}


def typed(visit: Visit, fields: Sequence[Field], options: Options) -> dict[str, str]:
    """What was sent of the inputs."""
    names = [name for one in fields for name in one.inputs([*options[one.member]])]
    return {name: visit.fields.get(name, "").strip() for name in names}


def seen(visit: Visit) -> dict[str, str]:
    """What the inputs showed when the form was loaded. Raises Refused."""
    try:
        return msgspec.json.decode(visit.fields.get("seen", ""), type=dict[str, str])
    except msgspec.DecodeError:
        raise Refused(400, "The form cannot be read.") from None


def sent(fields: Sequence[Field], values: Values, options: Options, before: Values | None = None) -> dict[str, Any]:
    """The members that the values stand for; with `before` only those that differ from it."""
    found = {}
    for one in fields:
        names = one.inputs([*options[one.member]])
        if before is None or any(values[name] != before.get(name) for name in names):
            found[one.member] = _sent(one, values, [*options[one.member]])
    return found
