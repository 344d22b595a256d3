"""What `deploy/` holds, parsed, and held against the settings, commands and locks that it names.

No container engine is needed, and none is started.
"""

import json
import re
import shlex
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from fieldserve.cli import COMMANDS
from fieldserve.config import Settings, load
from fieldserve.store.keys import VARIABLE

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
KNOWN = {f"FIELDSERVE_{field.name.upper()}" for field in fields(Settings)} | {VARIABLE}

Instruction = tuple[str, str]


@pytest.fixture(scope="module")
def stages() -> list[list[Instruction]]:
    """The instructions of each stage of the Containerfile."""
    text = re.sub(r"(?m)^#.*\n", "", (DEPLOY / "Containerfile").read_text()).replace("\\\n", " ")
    found: list[list[Instruction]] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest))
    return found


def of(stage: list[Instruction], word: str) -> list[str]:
    return [rest for found, rest in stage if found == word]


@pytest.fixture(scope="module")
def compose() -> Any:
    """The compose file."""
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


@pytest.fixture(scope="module")
def unit() -> dict[str, list[Instruction]]:
    """The lines of each section."""
    sections: dict[str, list[Instruction]] = {}
    section: list[Instruction] = []
    for line in (DEPLOY / "fieldserve.service").read_text().splitlines():
        if line.startswith("["):
            section = sections.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            name, _, value = line.partition("=")
            section.append((name, value))
    return sections


class TestContainerfile:
    def test_instructions(self, stages: list[list[Instruction]]) -> None:
        """Every line is an instruction that there is."""
        known = "FROM|RUN|COPY|ENV|USER|VOLUME|EXPOSE|STOPSIGNAL|HEALTHCHECK|ENTRYPOINT|CMD|WORKDIR"
        assert all(re.fullmatch(known, word) for stage in stages for word, _ in stage)

    def test_what_is_copied(self, stages: list[list[Instruction]]) -> None:
        """What the first stage copies is in the repository; the second takes only what the first has made."""
        sources = [one for rest in of(stages[0], "COPY") for one in rest.split()[:-1]]
        assert sources
        assert [one for one in sources if not (ROOT / one).exists()] == []
        assert [rest.split()[0] for rest in of(stages[1], "COPY")] == ["--from=build"]
        assert "--require-hashes" in "".join(of(stages[0], "RUN"))

    def test_nobody_is_root(self, stages: list[list[Instruction]]) -> None:
        """It runs as a user with a number, which orchestrators can check, and everything after that does."""
        words = [word for word, _ in stages[1]]
        assert of(stages[1], "USER") == ["10001:10001"]
        assert not {"RUN", "COPY"} & set(words[words.index("USER") :])

    def test_settings(self, stages: list[list[Instruction]]) -> None:
        """Every setting is one that there is, with a value that it takes."""
        given = dict(part.split("=", 1) for rest in of(stages[1], "ENV") for part in shlex.split(rest))
        ours = {name: value for name, value in given.items() if name.startswith("FIELDSERVE_")}
        assert ours.keys() <= KNOWN
        assert load(ours).port == int(of(stages[1], "EXPOSE")[0])

    def test_commands(self, stages: list[list[Instruction]]) -> None:
        """It serves, and asks itself whether it is ready."""
        assert json.loads(of(stages[1], "ENTRYPOINT")[0]) == ["fieldserve"]
        assert json.loads(of(stages[1], "CMD")[0])[0] in COMMANDS
        check = json.loads(of(stages[1], "HEALTHCHECK")[0].partition("CMD ")[2])
        compile(check[2], "healthcheck", "exec")
        assert "/readyz" in check[2]


class TestCompose:
    def test_services(self, compose: Any) -> None:
        """The server is built from the Containerfile and waits for PostgreSQL; every volume is declared."""
        assert compose["services"].keys() == {"postgresql", "fieldserve"}
        build = compose["services"]["fieldserve"]["build"]
        assert (DEPLOY / build["context"] / build["dockerfile"]).resolve() == DEPLOY / "Containerfile"
        assert compose["services"]["fieldserve"]["depends_on"]["postgresql"]["condition"] == "service_healthy"
        mounted = {one.split(":")[0] for service in compose["services"].values() for one in service["volumes"]}
        assert mounted == compose["volumes"].keys()

    def test_settings(self, compose: Any) -> None:
        """Every setting is one that there is; the database is reached by the name and user that it has."""
        service, database = compose["services"]["fieldserve"], compose["services"]["postgresql"]["environment"]
        assert service["environment"].keys() <= KNOWN
        url = service["environment"]["FIELDSERVE_DATABASE"]
        assert url.startswith(f"postgresql://{database['POSTGRES_USER']}:")
        assert url.endswith(f"@postgresql/{database['POSTGRES_DB']}")
        assert service["command"][0] in COMMANDS
        load({name: value for name, value in service["environment"].items() if "$" not in value})

    def test_no_secret_has_a_default(self, compose: Any) -> None:
        """Whoever forgets a secret is told, and does not run with one that everybody knows."""
        text = (DEPLOY / "compose.yaml").read_text()
        for name in ("POSTGRES_PASSWORD", VARIABLE):
            assert set(re.findall(rf"\$\{{{name}([^}}]*)\}}", text)) == {f":?set {name}"}

    def test_only_from_this_machine(self, compose: Any) -> None:
        """The API listens on loopback, for a proxy with TLS; the database on no port of the machine's."""
        assert all(one.startswith("127.0.0.1:") for one in compose["services"]["fieldserve"]["ports"])
        assert "ports" not in compose["services"]["postgresql"]


class TestUnit:
    def test_command_and_settings(self, unit: dict[str, list[Instruction]]) -> None:
        """It runs a command that there is, with settings that there are."""
        command = of(unit["Service"], "ExecStart")[0].split()
        assert command[0].endswith("/bin/fieldserve")
        assert command[1] in COMMANDS
        given = dict(one.split("=", 1) for one in of(unit["Service"], "Environment"))
        assert given.keys() <= KNOWN
        assert load(given).privacy_purge_after == "30d"

    def test_hardened(self, unit: dict[str, list[Instruction]]) -> None:
        """No root, no capabilities, nothing to write to but its own folder, which is where its data is."""
        service = dict(unit["Service"])
        assert service["DynamicUser"] == "yes"
        assert service["ProtectSystem"] == "strict"
        assert service["CapabilityBoundingSet"] == ""
        assert service["NoNewPrivileges"] == "yes"
        given = dict(one.split("=", 1) for one in of(unit["Service"], "Environment"))
        assert given["FIELDSERVE_DATA"] == f"/var/lib/{service['StateDirectory']}"

    @pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
    def test_systemd_reads_it(self, tmp_path: Path) -> None:
        """systemd knows every line of it."""
        text = (DEPLOY / "fieldserve.service").read_text()
        unit = tmp_path / "fieldserve.service"
        unit.write_text(text.replace("/opt/fieldserve/bin/fieldserve", "/bin/true"))
        said = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
        complaints = [line for line in said.stderr.splitlines() if unit.name in line]
        assert [line for line in complaints if "Unknown" in line or "Failed to parse" in line] == []
