"""What the reference says, from the tables, types and docstrings of the code: one function per page or part of one."""

import ast
import inspect
import pkgutil
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import msgspec

from docs import events as event_table
from fieldserve import config, wire
from fieldserve.analytics import facts as fact_tables
from fieldserve.analytics import metrics as metric_registry
from fieldserve.analytics.reports import is_better_low
from fieldserve.api import calendars, openapi
from fieldserve.cli import COMMANDS, cli
from fieldserve.domain.jobs import OPERATOR_DEEDS, TRANSITIONS
from fieldserve.operations import documents as document_operations
from fieldserve.operations import run as run_operations
from fieldserve.sandbox.faults import KINDS
from fieldserve.store import engine, keys
from fieldserve.wire import (
    appointments,
    documents,
    jobs,
    plans,
    reservations,
    sandbox,
    schedules,
    slots,
    tokens,
    webhooks,
)
from fieldserve.wire import errors as catalogue
from fieldserve.wire import lint as lint_rules
from fieldserve.wire import marketplaces as places
from fieldserve.wire.errors import Says
from fieldserve.wire.operations import OPERATIONS, Operation
from fieldserve.wire.operator import OPERATOR_ROUTES, OperatorRoute
from fieldserve.wire.parameters import Parameter
from fieldserve.wire.restricted_data import CREATE_RESTRICTED_DATA_TOKEN, MOST_RESOURCES

Json = dict[str, Any]

EVERYWHERE = (
    *catalogue.EVERYWHERE,
    *catalogue.WITH_BODY,
    catalogue.NO_SUCH_PATH,
    catalogue.METHOD_NOT_ALLOWED,
    *catalogue.OF_ANY_REQUEST,
)


# ---- Markdown


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; empty where it has no rows."""
    lines = ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in rows]
    if not lines:
        return ""
    return "\n".join(["| " + " | ".join(head) + " |", "|---" * len(head) + "|", *lines]) + "\n"


def _code(text: object) -> str:
    return f"`{text}`" if str(text) else ""


def _prose(text: str | None) -> str:
    return inspect.cleandoc(text) if text else ""


# ---- operations


def operations() -> str:
    """The 17 operations."""
    parts = [
        "# Operations\n",
        "The 17 operations of the Services API v1 as this server answers them. Every request carries an access token in"
        " the header `x-amz-access-token` ([tokens](../explanation/tokens.md)). Every answer carries"
        " `x-amzn-RequestId`, and those with status 200, 204, 400 and 404 `x-amzn-RateLimit-Limit`.\n",
        "Lists in the query are sent as `a=1,2` or as `a=1&a=2`. Unknown query parameters and members of a body are"
        " ignored. Times are ISO 8601; answers are in UTC.\n",
        table(
            ("operation", "call", "rate", "burst"),
            [
                (f"[{one.id}](#{slug(one.id)})", f"`{one.method} {one.path}`", f"{one.rate:g}", str(one.burst))
                for one in OPERATIONS
            ],
        ),
        *(_operation(one) for one in OPERATIONS),
    ]
    return "\n".join(parts)


def _operation(one: Operation) -> str:
    own = [says for says in one.errors if says not in catalogue.EVERYWHERE + catalogue.WITH_BODY]
    shared = [says for says in one.errors if says not in own]
    parts = [f"## {one.id}\n", f"`{one.method} {one.path}`\n", f"{one.summary}\n"]
    if "mmm" in one.id:
        parts.append("The id is spelt so in the published model.\n")
    parts.append(f"Usage plan: {one.rate:g} requests a second, {one.burst} at once. {_success(one)}\n")
    parts.append(_parameters(one.parameters))
    if one.body is not None:
        parts.append(f"Body: {_type(one.body.__name__)}\n")
    parts.append(_errors_table(own))
    codes = ", ".join(f"{says.status} {_code(says.code)}" for says in shared)
    parts.append(f"And [as other operations do](errors.md#said-by-every-operation): {codes}.\n")
    if one.bare_errors:
        parts.append("Errors are a bare array here, not under `errors`.\n")
    return "\n".join(part for part in parts if part)


def _success(one: Operation) -> str:
    if one.success == 204:
        return "Answers 204 without a body."
    if one.answer is None:
        return f"Answers {one.success} with `{{}}`."
    return f"Answers {one.success} with {_type(one.answer.__name__)}."


def _type(name: str) -> str:
    return f"[{name}](types.md#{slug(name)})"


def _parameters(parameters: Sequence[Parameter]) -> str:
    return table(
        ("parameter", "in", "required", "what", "limits"),
        [
            (_code(one.name), one.where, "yes" if one.required else "", one.says, _parameter_limits(one))
            for one in parameters
        ],
    )


def _parameter_limits(one: Parameter) -> str:
    said = []
    if one.kind == "array":
        said.append({None: "list", 1: "one value"}.get(one.max_items, f"list of at most {one.max_items}"))
    if one.kind == "integer":
        said.append(f"{one.minimum} to {one.maximum}")
    if one.max_length is not None:
        said.append(_range(one.min_length, one.max_length, "characters"))
    if one.choices:
        said.append("one of " + ", ".join(map(_code, one.choices)))
    if one.pattern is not None:
        said.append(_code(one.pattern))
    if one.default is not None:
        said.append(f"{one.default} if absent")
    return "; ".join(said)


def _range(least: float, most: float, unit: str) -> str:
    return f"{least:,} {unit}" if least == most else f"{least:,} to {most:,} {unit}".strip()


def _errors_table(errors: Sequence[Says]) -> str:
    return table(
        ("status", "code", "message", "when"),
        [(str(one.status), _code(one.code), one.message, one.when) for one in errors],
    )


# ---- types


def types() -> str:
    """The shapes of bodies and answers."""
    schemas = openapi.document()["components"]["schemas"]
    parts = [
        "# Types\n",
        "The shapes of bodies and answers. What the Services API needs of a body is said by its operation (see the"
        " errors of each in [operations](operations.md)), so few of its members are marked as required here. An absent"
        " member and `null` are the same.\n",
    ]
    for name, schema in schemas.items():
        parts.append(f"## {name}\n")
        if description := _prose(schema.get("description")):
            parts.append(description + "\n")
        required = schema.get("required", ())
        parts.append(
            table(
                ("member", "type", "required", "limits"),
                [
                    (_code(member), _schema_type(shape), "yes" if member in required else "", _schema_limits(shape))
                    for member, shape in schema.get("properties", {}).items()
                ],
            )
        )
    return "\n".join(part for part in parts if part)


def _schema_type(shape: Json) -> str:
    if "$ref" in shape:
        name = shape["$ref"].rpartition("/")[2]
        return f"[{name}](#{slug(name)})"
    if "anyOf" in shape:
        return " or ".join(_schema_type(one) for one in shape["anyOf"])
    if shape.get("type") == "array":
        return f"list of {_schema_type(shape.get('items', {}))}"
    if shape.get("type") == "object" and isinstance(shape.get("additionalProperties"), dict):
        return f"object of {_schema_type(shape['additionalProperties'])}"
    if "enum" in shape:
        return "one of " + ", ".join(_code(one) for one in shape["enum"])
    return {"decimal": "decimal number"}.get(shape.get("format", ""), str(shape.get("type", "any")))


def _schema_limits(shape: Json) -> str:
    said = []
    inner = shape.get("items", {}) if shape.get("type") == "array" else shape
    for least, most, unit in (("minLength", "maxLength", "characters"), ("minimum", "maximum", "")):
        if most in inner:
            said.append(_range(inner.get(least, 0), inner[most], unit))
        elif least in inner:
            said.append(f"at least {inner[least]} {unit}".strip())
    if "pattern" in inner:
        said.append(_code(inner["pattern"].replace(r"(?!\n)", "")))
    if "maxItems" in shape:
        said.append(_range(shape.get("minItems", 0), shape["maxItems"], "entries"))
    if (default := _default(shape.get("default"))) != "":
        said.append(f"{_code(default)} if absent")
    return "; ".join(said)


def _default(value: Any) -> str:
    if value is None or value in ((), [], {}):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) if isinstance(value, list | tuple) else str(value)


# ---- errors


def errors() -> str:
    """Every text that the server answers a refusal with."""
    everywhere = {id(one) for one in EVERYWHERE}
    by_operation: dict[Says, list[str]] = {}
    for operation in OPERATIONS:
        for says in operation.errors:
            if id(says) not in everywhere:
                by_operation.setdefault(says, []).append(f"[{operation.id}](operations.md#{slug(operation.id)})")
    of_operator = [says for route in OPERATOR_ROUTES for says in route.own_errors]
    known = [*EVERYWHERE, *by_operation, *documents.UPLOAD_ERRORS, *of_operator, *_operator_everywhere()]
    known += _of_sandbox()
    refuse_unlisted(known)
    return "\n".join(
        [
            "# Errors\n",
            'Errors are `{"errors": [{"code", "message", "details"}]}`; setAppointmentFulfillmentData alone answers the'
            " bare array. A request passes stages (path, token, usage plan, size and type of the body, parameters, ids,"
            " rules), and the first that refuses it answers; `details` then say what to do. Words in braces stand for"
            " values of the request.\n",
            "## Said by every operation\n",
            "A 404 or 405 of this table comes from a path or method that is no operation's. [Each"
            " operation](operations.md) lists which of the others it answers.\n",
            _errors_table(EVERYWHERE),
            "## Of the operations\n",
            "A status of 200 stands for an error that is told inside a success.\n",
            table(
                ("status", "code", "message", "when", "operations"),
                [
                    (str(one.status), _code(one.code), one.message, one.when, ", ".join(named))
                    for one, named in sorted(by_operation.items(), key=lambda item: (item[0].status, item[0].message))
                ],
            ),
            "## Warnings\n",
            "Told in a success, beside what was done.\n",
            table(("code", "message", "when"), warnings()),
            "## Of uploads\n",
            "`PUT /uploads/{uploadDestinationId}`, the URL that createServiceDocumentUploadDestination gives out.\n",
            _errors_table(documents.UPLOAD_ERRORS),
            "## Of the token endpoint\n",
            '`POST /auth/o2/token` answers `{"error", "error_description"}`.\n',
            table(
                ("status", "error", "error_description", "when"),
                [(str(one.status), _code(one.code), one.description, one.when) for one in tokens.CATALOGUE],
            ),
            "## Of the operator API\n",
            _errors_table(sorted(dict.fromkeys(of_operator), key=lambda one: (one.status, one.message))),
            "Said by every call of it:\n",
            _errors_table(_operator_everywhere()),
            "## Of a sandbox's control routes\n",
            _errors_table(_of_sandbox()),
        ]
    )


def _operator_everywhere() -> list[Says]:
    own = {says for route in OPERATOR_ROUTES for says in route.own_errors}
    return list(dict.fromkeys(says for route in OPERATOR_ROUTES for says in route.errors if says not in own))


def _of_sandbox() -> list[Says]:
    return list(dict.fromkeys([sandbox.NOT_ALLOWED, *(says for one in sandbox.CONTROLS for says in one.own_errors)]))


def controls() -> str:
    """The control routes of a dynamic sandbox, and the kinds of faults."""
    lines = [
        "# The sandbox's controls\n",
        "They exist where the setting `sandbox` is `dynamic`, under `/sandbox/v1`. [How to use"
        " them](../how-to/sandbox.md). Each answers the sandbox's state; bodies are JSON, and members that a route does"
        " not know are refused. Times are ISO 8601.\n",
        table(
            ("route", "what", "members of the body", "refuses with"),
            [
                (
                    f"`{one.method} {sandbox.SANDBOX_PREFIX}{one.path}`",
                    one.summary,
                    ", ".join(f"`{field.encode_name}`" for field in msgspec.structs.fields(one.body))
                    if one.body
                    else "",
                    ", ".join(str(says.status) for says in one.own_errors),
                )
                for one in sandbox.CONTROLS
            ],
        ),
        "Besides, `POST /response/{api}-{operation}/code/{status}`, with or without the api, makes the next call of"
        " that operation answer the published example of that status, whatever is sent: what the mock of the"
        " official SDKs' own tests understands.\n",
        "## Faults\n",
        "`operation` is one of the 17 or `token`; absent, all are meant. `times` null lasts until the fault is taken"
        " back.\n",
        table(("kind", "what happens"), [(f"`{kind}`", what) for kind, what in KINDS.items()]),
    ]
    return "\n".join(lines)


def warnings() -> list[tuple[str, str, str]]:
    """Code, message and occasion of every warning."""
    unassigned = appointments.unassigned_warning(["{resources}"])
    overbooked = appointments.overbooked_warning(["{resources}"])
    told = (
        (
            schedules.SCHEDULE_OVERRIDE,
            "updateSchedule: the record overlaps the schedule there was, or an earlier record"
            " of the call; it is applied",
        ),
        (
            reservations.APPOINTMENT_OVERLAP,
            "createReservation and updateReservation: the reservation, not itself of type"
            " APPOINTMENT, overlaps appointments; it is stored",
        ),
        (unassigned, "rescheduleAppointmentForServiceJobByServiceJobId: technicians who are not free at the new time"),
        (overbooked, "assignAppointmentResources: technicians who have another appointment then; they are assigned"),
    )
    return [(_code(warn.code), warn.message, when) for warn, when in told]


def texts_of_the_wire() -> dict[str, Says]:
    """Every entry of the catalogue, by module and name."""
    found = {}
    for module in pkgutil.iter_modules(wire.__path__):
        for name, value in vars(import_module(f"{wire.__name__}.{module.name}")).items():
            if isinstance(value, Says):
                found[f"{module.name}.{name}"] = value
    return found


def refuse_unlisted(known: Iterable[Says]) -> None:
    """Raise where an entry of the catalogue is in no list that this page is made from."""
    said = {(one.status, one.code, one.message) for one in known}
    for name, one in texts_of_the_wire().items():
        if (one.status, one.code, one.message) not in said:
            raise ValueError(f"no operation, upload or operator's call lists wire.{name}")


# ---- other paths


def paths() -> str:
    """Every path that the server answers."""
    rows = [
        (f"`{method.upper()} {path}`", item["operationId"], item["summary"])
        for path, items in openapi.document()["paths"].items()
        for method, item in items.items()
    ]
    operation_ids = {one.id for one in OPERATIONS}
    operator_ids = {one.id for one in OPERATOR_ROUTES}
    rest = [row for row in rows if row[1] not in operation_ids | operator_ids]
    return "\n".join(
        [
            "# Paths\n",
            "What the server answers beside the [17 operations](operations.md) and the [operator API](operator.md). The"
            " whole is described by `/openapi.json` (OpenAPI 3.1), which is made from the same tables as this page.\n",
            table(("call", "id", "what"), rest),
            "## createRestrictedDataToken\n",
            f"Usage plan: {CREATE_RESTRICTED_DATA_TOKEN.rate:g} a second, {CREATE_RESTRICTED_DATA_TOKEN.burst} at once."
            f" Body: {_type('CreateRestrictedDataTokenRequest')}, with 1 to {MOST_RESOURCES} resources.\n",
            "## getToken\n",
            "Takes a form, or JSON where Content-Type says so; the client's credentials are members of it or come as"
            f" HTTP Basic. Answers {_type('TokenAnswer')}; its [errors](errors.md#of-the-token-endpoint) are"
            f" {_type('TokenFault')}.\n",
        ]
    )


# ---- the operator API


def operator() -> str:
    """The operator API."""
    parts = [
        "# The operator API\n",
        "What the marketplace's side does and the Services API has no operation for. Every call carries an operator's"
        " key, as `Authorization: Bearer fsk_…` or as `x-operator-key: fsk_…`; the first key is made on the command"
        " line ([commands](commands.md)). Unknown members and query parameters are refused. Every change is an"
        " [event](events.md) of the actor `operator:<name of the key>`.\n",
        table(
            ("call", "id", "what"),
            [(f"`{one.method} {one.path}`", f"[{one.id}](#{slug(one.id)})", one.summary) for one in OPERATOR_ROUTES],
        ),
        *(_operator_route(one) for one in OPERATOR_ROUTES),
    ]
    return "\n".join(parts)


def _operator_route(one: OperatorRoute) -> str:
    answers = f"Answers {one.status}" + (f" with {_type(one.answer.__name__)}." if one.answer else " without a body.")
    parts = [
        f"## {one.id}\n",
        f"`{one.method} {one.path}`\n",
        f"{one.summary} {answers}\n",
        _parameters(one.parameters),
        f"Body: {_type(one.body.__name__)}\n" if one.body else "",
        _errors_table(one.own_errors),
    ]
    return "\n".join(part for part in parts if part)


# ---- settings


def settings() -> str:
    """Every setting, and the variables that are no settings."""
    documented = setting_docstrings()
    defaults = config.Settings()
    rows = []
    for field in fields(config.Settings):
        default = getattr(defaults, field.name)
        shown = ",".join(default) if isinstance(default, tuple) else str(default)
        rows.append(
            (_code(field.name), _code(f"FIELDSERVE_{field.name.upper()}"), _code(shown), documented[field.name])
        )
    choices = "; ".join(f"`{name}`: {', '.join(map(_code, values))}" for name, values in config._CHOICES.items())
    return "\n".join(
        [
            "# Settings\n",
            "Read once, at start: from the environment, overridden by options of the [command line](commands.md). Lists"
            " are separated by commas. A setting that will not do ends the program with a line that names it.\n",
            table(("setting", "variable", "default", "what"), rows),
            f"Choices: {choices}.\n",
            "## Variables that are no settings\n",
            table(
                ("variable", "what"),
                [
                    (
                        _code(keys.VARIABLE),
                        "The master key: base64 of 32 bytes. Absent, it is the file"
                        f" `{keys.FILE}` of the data folder, made on the first start.",
                    ),
                    (
                        "`AWS_…`",
                        "Region, endpoint (`AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`) and credentials of the bucket,"
                        " where documents are kept in one. The malware command does not see them.",
                    ),
                ],
            ),
        ]
    )


def setting_docstrings() -> dict[str, str]:
    """What config.py says below each setting."""
    tree = ast.parse(Path(config.__file__).read_text("utf-8"))
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Settings")
    found = {}
    for node, following in pairwise(body):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            match following:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    found[node.target.id] = _prose(text)
    return found


# ---- the command line


def commands() -> str:
    """Every command with its options."""
    parts = [
        "# Commands\n",
        "`fieldserve` is on the path of the environment that it is installed in (`.venv/bin/fieldserve` in a clone).\n",
        table(
            ("command", "what"),
            [(f"[{name}](#{slug(f'fieldserve {name}')})", help) for name, (_, help) in COMMANDS.items()],
        ),
    ]
    root = click.Context(cli, info_name="fieldserve")
    for name in COMMANDS:
        command = cli.get_command(root, name)
        assert command is not None
        parts.extend(_command(command, f"fieldserve {name}", root, 2))
    return "\n".join(part for part in parts if part)


def _command(command: click.Command, name: str, parent: click.Context, depth: int) -> list[str]:
    context = click.Context(command, info_name=name.rpartition(" ")[2], parent=parent)
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    parts = [f"{'#' * depth} {name}\n", f"`{usage}`\n", _prose(command.help) + "\n"]
    options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    parts.append(table(("option", "what"), [_option(one, context) for one in options]))
    if isinstance(command, click.Group):
        for sub in command.list_commands(context):
            found = command.get_command(context, sub)
            assert found is not None
            parts.extend(_command(found, f"{name} {sub}", context, depth + 1))
    return parts


def _option(one: click.Option, context: click.Context) -> tuple[str, str]:
    flag = "" if one.is_flag or one.count else f" {one.make_metavar(context)}"
    said = [" ".join((one.help or "").split())]
    if one.required:
        said.append("Required.")
    if one.show_default and one.default is not None and not one.is_flag:
        said.append(f"[default: {one.default}]")
    return _code(", ".join([*one.opts, *one.secondary_opts]) + flag), " ".join(said)


# ---- events


def events() -> str:
    """What the log holds of each kind of event."""
    parts = [
        "# Events\n",
        "The log is append-only: a trigger of the database refuses to change or delete an entry. An event is written in"
        " the transaction that does what it tells; those marked as observations are written behind, within half a"
        " second and in batches ([why](../decisions/0014-observations-are-written-behind.md)). Operators read the log"
        " with [listEvents](operator.md#listevents).\n",
        "`at` is the time, `actor` who did it (`application:<id>`, `operator:<name of the key>`, `seller:<id>`,"
        " `upload-url`, `server`), `subject` what it is about, `requestId` the `x-amzn-RequestId` of the request."
        " `sellerId` is empty where an event concerns no seller. Inside `before` and `after` instants are whole"
        " microseconds since 1970-01-01T00:00:00Z unless a member is said to be a text.\n",
    ]
    for thing, kinds in event_table.by_thing().items():
        parts.append(f"## {thing}\n")
        parts.append(
            table(
                ("kind", "when", "subject", "before", "after"),
                [
                    (
                        _code(one.kind),
                        one.when + (" (observation)" if one.observed else ""),
                        one.subject,
                        _members(one.before) + (", where it replaces one" if one.said_again else ""),
                        _members(one.after),
                    )
                    for one in kinds
                ],
            )
        )
    parts.append("## Members\n")
    parts.append(table(("member", "what"), [(_code(name), says) for name, says in event_table.MEMBERS.items()]))
    return "\n".join(parts)


def _members(names: Sequence[str] | None) -> str:
    return "" if names is None else ", ".join(map(_code, names))


# ---- webhooks


def webhook_types() -> str:
    """What webhooks tell."""
    return table(("type", "when"), [(_code(one), event_table.BY_KIND[one].when) for one in webhooks.EVENT_TYPES])


# ---- lint


def lint() -> str:
    """Every finding."""
    rows = [(_code(one.code), one.severity, one.when, one.send) for one in lint_rules.RULES]
    return "\n".join(
        [
            "# Findings of lint\n",
            "What lint finds in [recorded requests](../how-to/see-what-was-sent.md). An error is refused, here or by"
            " Amazon; a warning is taken otherwise than it is meant, or not for much longer; a note costs the caller"
            " something. `place` says where: `path/…`, `query/…`, `header/…`, `body/…`, or `request`.\n",
            table(("code", "severity", "when", "send"), rows),
        ]
    )


# ---- marketplaces


# ---- reference/metrics.md


def metrics() -> str:
    """The page of the metrics: each in words, from the registry."""
    parts = [
        "# Metrics\n\nWhat `fieldserve report` shows, each metric defined once over the [facts](facts.md) and the same"
        " on every engine. Days are local days. What is not known never counts as kept. Where nothing is counted there"
        " is no value.\n"
    ]
    for one in metric_registry.METRICS.values():
        goal = "" if one.goal is None else f"at most {100 * one.goal:.0f} %"
        if one.goal is not None and not is_better_low(one):
            goal = f"at least {one.goal}"
        rows = [
            ("Formula", one.formula),
            ("Numerator", one.numerator),
            ("Denominator", one.denominator),
            ("Excluded", one.exclusions),
            ("Source", ", ".join(_code(source) for source in one.source)),
            ("Edge cases", one.edge_cases),
            ("Unit", one.unit),
            ("Goal", goal),
        ]
        parts.append(f"## {one.title}\n\n`{one.name}`\n\n" + table(("", ""), [row for row in rows if row[1]]))
    return "\n".join(parts)


# ---- reference/facts.md


def facts() -> str:
    """The page of the facts: every table, column by column."""
    parts = [
        "# Facts",
        "The tables that reports are worked out from, as `fieldserve export` writes them"
        " ([why they are so](../explanation/facts.md), [how to export them](../how-to/export-the-facts.md)). Tables"
        " with a day are stored by their `local_date`. All times are UTC, without a zone in the file; null means"
        f" *unknown* unless a column says what else. This is version {fact_tables.SCHEMA_VERSION} of the tables.",
    ]
    for one in fact_tables.TABLES.values():
        key = ", ".join(f"`{name}`" for name in one.key)
        by_day = f" By day: `{one.partition}`." if one.partition else ""
        parts += [f"## {one.name}", f"One row is {one.grain}. Key: {key}.{by_day}", _columns(one)]
    return "\n\n".join(parts) + "\n"


def _columns(one: fact_tables.Table) -> str:
    rows = [
        (
            _code(column.name),
            column.type,
            column.says,
            ", ".join(part for part in (column.unit, column.zone and f"in the zone of: {column.zone}") if part),
            column.null or "never",
            column.source,
        )
        for column in one.columns
    ]
    return table(("column", "type", "", "unit, zone", "null", "from"), rows)


# ---- reference/marketplaces.md


def marketplaces() -> str:
    """The table of marketplaces."""
    return "\n".join(
        [
            "# Marketplaces\n",
            "A request may name those that its authorization covers, that the seller takes part in, that lie in a"
            " region the server is configured for and, where the host names a region (`sellingpartnerapi-eu.…`), in"
            " that one.\n",
            table(
                ("id", "country", "name", "region", "currency", "locale"),
                [
                    (_code(one.marketplace_id), one.country, one.name, one.region, one.currency, one.locale)
                    for one in places.MARKETPLACES
                ],
            ),
        ]
    )


# ---- parts of other pages


def job_states() -> str:
    """The states of a job as a diagram."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for deed, (sources, target) in TRANSITIONS.items():
        for source in sources:
            arrows.setdefault((source, target), []).append(deed)
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> PENDING_SCHEDULE: order"]
    lines += [f"    {source} --> {target}: {', '.join(deeds)}" for (source, target), deeds in arrows.items()]
    begins = {source for source, _ in arrows}
    ends = dict.fromkeys(target for _, target in arrows if target not in begins)
    lines += [f"    {end} --> [*]" for end in ends]
    return "\n".join([*lines, "```", ""])


def job_deeds() -> str:
    """What may be done in which state."""
    return table(
        ("deed", "by", "allowed in", "afterwards"),
        [
            (
                _code(deed),
                "operator" if deed in OPERATOR_DEEDS else "seller",
                ", ".join(sources),
                target if sources != (target,) else f"{target}, as before",
            )
            for deed, (sources, target) in TRANSITIONS.items()
        ],
    )


APPOINTMENT_ARROWS = (
    ("[*]", "ACTIVE", "add"),
    ("ACTIVE", "ACTIVE", "assign, arrival recorded"),
    ("ACTIVE", "CANCELLED", "reschedule, cancel, hold, decline_payment, mark_not_fulfillable, cancel_as_buyer"),
    ("ACTIVE", "COMPLETED", "start and end of work recorded, complete"),
    ("COMPLETED", "COMPLETED", "documents and corrections while the job is NOT_SERVICED"),
    ("CANCELLED", "[*]", ""),
    ("COMPLETED", "[*]", ""),
)


def appointment_states() -> str:
    """The states of an appointment as a diagram."""
    lines = ["```mermaid", "stateDiagram-v2"]
    lines += [f"    {one} --> {other}" + (f": {deeds}" if deeds else "") for one, other, deeds in APPOINTMENT_ARROWS]
    return "\n".join([*lines, "```", ""])


def usage_plans() -> str:
    """Rates and bursts."""
    return table(
        ("operation", "requests a second", "at once"),
        [
            (f"[{one.id}](../reference/operations.md#{slug(one.id)})", f"{one.rate:g}", str(one.burst))
            for one in OPERATIONS
        ],
    )


def limits() -> str:
    """Limits that are ours, where the model has none, with their values."""
    rows: Mapping[str, object] = {
        "characters of a job's id": 63,
        "minutes of an appointment": appointments.LONGEST_APPOINTMENT_MINUTES,
        "days from a schedule record's startTime to its recurrence.endTime": schedules.LONGEST_RECURRENCE_DAYS,
        "days from a schedule record's startTime to its endTime": schedules.LONGEST_SPAN_DAYS,
        "capacity of a schedule record or reservation": schedules.LARGEST_CAPACITY,
        "records of one updateSchedule": schedules.MOST_RECORDS,
        "occurrences that one updateSchedule may touch": schedules.MOST_OCCURRENCES,
        "days of a window of slots": slots.LONGEST_WINDOW_DAYS,
        "bytes of a document": documents.LARGEST_DOCUMENT,
        "bytes of an upload (a document and its padding)": document_operations.LARGEST_UPLOAD,
        "seconds that an upload URL is good for": document_operations.UPLOAD_SECONDS,
        "days that a document waits for its appointment": document_operations.KEPT_DAYS,
        "seconds that an access token is good for": tokens.EXPIRES_IN,
        "resources of a restricted data token": MOST_RESOURCES,
        "bytes of a request body (setting `body_limit`)": config.Settings().body_limit,
        "transactions that share one commit of SQLite": engine.LARGEST_BATCH,
        "days of a plan": plans.MOST_DAYS,
        "visits of one day in stores that share technicians, of a plan": plans.MOST_VISITS,
        "seconds that the search for a plan may be given": plans.LONGEST_SOLVE_SECONDS,
        "requests at once for a technician's calendar (one more every 30 s)": calendars.BURST,
        "attempts at a transaction that meets conflicts": run_operations.ATTEMPTS,
        "observations that wait while the database is away": run_operations.MOST_OBSERVATIONS,
        "jobs on a page of getServiceJobs": next(
            one.maximum for one in jobs.LISTING_PARAMETERS if one.name == "pageSize"
        ),
    }
    return table(("at most", "value"), [(name, f"{value:,}") for name, value in rows.items()])


def decisions() -> str:
    """The decision records by number."""
    folder = Path(__file__).parent / "decisions"
    rows = []
    for path in sorted(folder.glob("[0-9]*.md")):
        title = path.read_text("utf-8").splitlines()[0].removeprefix("# ")
        number, _, name = title.partition(": ")
        rows.append(f"- [{number}: {name}]({path.name})")
    return "\n".join([*rows, ""])
