"""Writes the reference pages from the code, and checks the links of all pages: `make docs`.

    python docs/build.py            write what differs, then check the links
    python docs/build.py --check    write nothing; fail where a page differs from what the code says

Whole pages under `reference/` are written here. Of other pages only the parts between
`<!-- begin NAME: written by make docs -->` and `<!-- end NAME -->` are.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # so that the neighbours of this file are found under the name that tests use, too
    sys.path.insert(0, str(ROOT))

from docs import pages  # noqa: E402

DOCS = ROOT / "docs"
HEADER = "<!-- Written by `make docs` from the code; changes made here are lost. -->\n\n"

WHOLE_PAGES = {
    "reference/operations.md": pages.operations,
    "reference/types.md": pages.types,
    "reference/errors.md": pages.errors,
    "reference/paths.md": pages.paths,
    "reference/operator.md": pages.operator,
    "reference/settings.md": pages.settings,
    "reference/commands.md": pages.commands,
    "reference/events.md": pages.events,
    "reference/facts.md": pages.facts,
    "reference/metrics.md": pages.metrics,
    "reference/lint.md": pages.lint,
    "reference/marketplaces.md": pages.marketplaces,
    "reference/sandbox.md": pages.controls,
}
SECTIONS = {
    "explanation/jobs.md": {
        "states": pages.job_states,
        "deeds": pages.job_deeds,
        "appointments": pages.appointment_states,
    },
    "explanation/tokens.md": {"usage-plans": pages.usage_plans},
    "explanation/limits.md": {"limits": pages.limits},
    "how-to/receive-webhooks.md": {"types": pages.webhook_types},
    "decisions/README.md": {"records": pages.decisions},
}

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+?)\s*$", re.MULTILINE)
_FENCE = re.compile(r"^(```+).*?^\1\s*$", re.MULTILINE | re.DOTALL)


def written(name: str) -> str:
    """A page of WHOLE_PAGES or SECTIONS as it should be."""
    if name in WHOLE_PAGES:
        return HEADER + WHOLE_PAGES[name]()
    text = (DOCS / name).read_text("utf-8")
    for section, make in SECTIONS[name].items():
        text = _filled(text, section, make(), name)
    return text


def _filled(text: str, section: str, content: str, page: str) -> str:
    begin, end = f"<!-- begin {section}: written by make docs -->\n", f"<!-- end {section} -->"
    head, found, rest = text.partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{page} has no place for {section}")
    return f"{head}{begin}\n{content}\n{end}{tail}"


def all_pages() -> list[Path]:
    """Every page that the repository's readers meet."""
    return [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]


def broken_links() -> list[str]:
    """Links between pages that lead nowhere: to no file, or to no heading of it."""
    broken = []
    for page in all_pages():
        for target in _LINK.findall(_FENCE.sub("", page.read_text("utf-8"))):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            there = (page.parent / path).resolve() if path else page
            if not there.exists():
                broken.append(f"{page.relative_to(ROOT)}: {target} is no file")
            elif anchor and there.suffix == ".md" and anchor not in anchors(there):
                broken.append(f"{page.relative_to(ROOT)}: {target} is no heading")
    return broken


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found: dict[str, int] = {}
    anchored = set()
    for heading in _HEADING.findall(_FENCE.sub("", page.read_text("utf-8"))):
        slug = pages.slug(heading)
        rank = found.get(slug, 0)
        found[slug] = rank + 1
        anchored.add(f"{slug}-{rank}" if rank else slug)
    return anchored


def main(arguments: list[str]) -> int:
    """Write or check; answers the exit status."""
    check = "--check" in arguments
    status = 0
    for name in (*WHOLE_PAGES, *SECTIONS):
        path, text = DOCS / name, written(name)
        if path.exists() and path.read_text("utf-8") == text:
            continue
        if check:
            print(f"{path.relative_to(ROOT)} differs from what the code says; run make docs")
            status = 1
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    for line in broken_links():
        print(line)
        status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
