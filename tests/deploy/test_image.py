"""The Containerfile: what is known of it without a build, and a build where there is podman."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "deploy" / "image" / "Containerfile"
TEXT = FILE.read_text()
BUILD, FINAL = (part for part in TEXT.split("\nFROM ")[1:])


def test_the_image_runs_without_root_and_names_no_index():
    assert re.findall("^USER (.*)$", FINAL, re.MULTILINE) == ["10001:10001"]
    assert "://" not in TEXT and "latest" not in TEXT
    assert re.search("^ENTRYPOINT .*tini", FINAL, re.MULTILINE)
    for label in ("title", "version", "revision", "licenses"):
        assert f"org.opencontainers.image.{label}=" in FINAL


def test_what_is_copied_is_there():
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", BUILD, re.MULTILINE)
    assert len(copied) >= 7
    for path in " ".join(copied).split():
        assert (ROOT / path).exists(), path


def test_the_dependencies_are_those_of_the_project(monkeypatch):
    (line,) = re.findall(r'^RUN python3 -c "(.*?)" > needs.txt', BUILD, re.MULTILINE)
    (extras,) = re.findall("^ARG EXTRAS=(.*)$", BUILD, re.MULTILINE)
    words = [sys.executable, "-c", line.replace("${EXTRAS}", extras)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "ray[default]" in done.stdout  # takes jobs, exports metrics
    names = {re.split(r"[\[<>=~! ;]", need)[0] for need in done.stdout.split("\n")}
    assert {"torch", "ray", "mlflow", "grpcio", "pg8000", "ai-edge-litert", "h5py"} <= names


def test_the_assets_are_known(monkeypatch):
    from evoskeleton.commands.deployment.assets import known

    (names,) = re.findall('^ARG ASSETS="(.*)"$', BUILD, re.MULTILINE)
    assert names and set(names.split()) <= set(known())


def test_the_containerfile_is_clean():
    checker = shutil.which("hadolint")
    if checker is None:
        pytest.skip("hadolint is absent")
    done = subprocess.run([checker, str(FILE)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def closed() -> list[str]:
    """The words that run something in the image, closed as a cluster would; built where needed.

    `PODMAN` may name a program to be used in podman's place, and `IMAGE_BUILD` further words for
    its `build`, such as `--build-arg BASE=...` on machines without a registry.
    """
    builder = shutil.which(os.environ.get("PODMAN", "podman"))
    if builder is None:
        pytest.skip("podman, which builds and runs the image, is absent")
    tag = "localhost/evoskeleton:test"
    further = shlex.split(os.environ.get("IMAGE_BUILD", ""))
    build = [builder, "build", *further, "--file", str(FILE), "--tag", tag, str(ROOT)]
    subprocess.run(build, check=True)
    words = [builder, "run", "--rm", "--network", "none", "--read-only", "--cap-drop", "all"]
    words += ["--security-opt", "no-new-privileges"]
    words += ["--tmpfs", "/tmp:noexec", "--tmpfs", "/home/evo:noexec", "--volume", "/data"]
    return [*words, tag]


def said(closed: list[str], *words: str) -> str:
    """What a command in the image says."""
    done = subprocess.run([*closed, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.long
def test_the_image_builds_and_runs_closed(closed):
    assert said(closed, "id", "-u").strip() == "10001"
    write = "for each in ~ /tmp /data; do echo kept > $each/x; cat $each/x; done"
    assert said(closed, "bash", "-ec", write).split() == ["kept"] * 3
    settings = yaml.safe_load(said(closed, "evoskeleton", "campaign", "template"))
    assert settings["motion"]
    fetched = said(closed, "evoskeleton", "assets", "fetch", "deepmimic-motion")
    assert "/opt/evoskeleton/assets/" in fetched
    bill = said(closed, "cat", "/opt/evoskeleton/sbom.cdx.json")
    assert '"CycloneDX"' in bill and '"torch"' in bill


@pytest.mark.long
def test_a_campaign_is_bred_in_the_image_without_a_network(closed):
    line = (
        "evoskeleton demo --home /tmp/home --set search.generations=1 --set training.fit.steps=20"
    )
    told = said(closed, "bash", "-ec", f"{line} >/dev/null; cat /tmp/home/demo/report.json")
    report = json.loads(told)
    assert report["generations"] == 1 and report["survivors"] > 1000
