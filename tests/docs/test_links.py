"""Links of pages outside `docs/`, which MkDocs leaves alone: files are there, and headings."""

import re
from pathlib import Path

import pytest
from markdown.extensions.toc import slugify

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "deploy/README.md"]


def headings(page: Path) -> set[str]:
    text = re.sub("^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    found = re.findall("^#+ (.*)$", text, re.MULTILINE)
    return {slugify(heading.replace("`", ""), "-") for heading in found}


@pytest.mark.parametrize("name", PAGES)
def test_what_is_linked_is_there(name):
    page = ROOT / name
    links = re.findall(r"\]\((?!\w+:)([^)#\s]*)#?([^)\s]*)\)", page.read_text())
    missing = []
    for path, heading in links:
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (heading and heading not in headings(there)):
            missing.append(f"{path}#{heading}")
    assert not missing
