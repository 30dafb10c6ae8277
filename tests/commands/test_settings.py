"""Settings explain themselves: at the command line, in docs/settings.md, and to a misspelt name."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Discriminator, Field
from refusals import refused

from evoskeleton.cli import main
from evoskeleton.commands.settings import SUBJECTS, _model, reference
from evoskeleton.errors import BadInput
from evoskeleton.settings import Settings
from evoskeleton.settings_reference import groups, known_names

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("annotation", "evolution", "lifting", "platform", "pose2d")
NO_SETTINGS = {"AnnotatedPerson", "Calibration", "Card", "CocoFields", "Token", "_File"}
"""Checked as settings are, but written by programs: messages and files."""


class Leaf(Settings):
    """A leaf."""

    size: float = Field(1.0, gt=0, le=2, description="how large, mm")


class Round(Settings):
    """A shape."""

    kind: Literal["round"] = Field(description="which shape")
    radius: int = Field(3, ge=1, description="of the circle")


class Square(Settings):
    """A shape."""

    kind: Literal["square", "box"] = Field(description="which shape")
    side: int = Field(4, description="of the square")


Shape = Annotated[Round | Square, Discriminator("kind")]


class Tree(Settings):
    """A tree."""

    maybe: Leaf | None = Field(None, description="a leaf that may be missing")
    row: tuple[Leaf, ...] = Field((), description="leaves in a row")
    named: dict[str, Leaf] = Field(default_factory=dict, description="leaves by name")
    shape: Shape | None = Field(None, description="of the crown")
    many: list[Shape] = Field(default_factory=list, description="of other crowns")
    amount: float | str = Field(0.5, description="a number or a word")


def settings(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["settings", *arguments])
    assert not ended.value.code
    return capsys.readouterr().out


def all_models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for group in groups(model):
        for each in group.models:
            yield from (base for base in each.__mro__ if issubclass(base, BaseModel))


@pytest.fixture(scope="module")
def models() -> set[type[BaseModel]]:
    return {model for subject in SUBJECTS for model in all_models(_model(subject))}


def test_the_page_of_settings_is_what_the_command_prints():
    command = "run: evoskeleton settings --markdown > docs/settings.md"
    assert (ROOT / "docs" / "settings.md").read_text() == reference(), command


def test_every_settings_class_of_the_package_can_be_printed(models):
    written = {
        node.name
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
        and any(isinstance(base, ast.Name) and base.id.endswith("Settings") for base in node.bases)
    }
    assert len(written) > 30
    assert written - NO_SETTINGS - {model.__name__ for model in models} == set()


def test_every_setting_is_described_in_words(models):
    for model in models - {Settings, BaseModel}:
        for name, info in model.model_fields.items():
            assert info.description and len(info.description) > 5, f"{model.__name__}.{name}"


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_setting_stands_in_the_page_by_its_dotted_name(subject):
    page = (ROOT / "docs" / "settings.md").read_text()
    section = page.partition(f"\n## {subject}\n")[2].partition("\n## ")[0]
    for group in groups(_model(subject)):
        if group.same_as is not None:
            place = (
                f"### `{group.name}`\n\n{group.title}\n\nThe same settings as `{group.same_as}`."
            )
            assert place in section
            continue
        for setting in group.settings:
            assert f"\n| `{setting.name}` |" in section


def test_a_group_is_printed_with_defaults_bounds_and_descriptions(capsys):
    said = settings(capsys, "campaign", "search.archive")
    (line,) = [line for line in said.splitlines() if "search.archive.cells" in line]
    assert line.split()[1:6] == ["whole", "number,", "at", "least", "1"]
    assert "1000" in line and "kinds of poses" in line
    assert "search.generations" not in said


def test_a_band_of_ones_own_name_is_found(capsys):
    assert "search.island.bands.*.high" in settings(capsys, "campaign", "search.island.bands.error")


def test_one_setting_as_json(capsys):
    (row,) = json.loads(settings(capsys, "campaign", "search.views", "--json"))
    assert row["default"] == "4" and row["allowed"] == "at least 1"


def test_without_a_name_all_subjects_are_listed(capsys):
    said = settings(capsys)
    assert all(line.split()[0] in said for line in SUBJECTS)


def test_unknown_settings_and_groups_are_refused_with_the_nearest(capsys):
    assert "did you mean campaign?" in refused(capsys, "settings", "campain")
    said = refused(capsys, "settings", "campaign", "search.archiv")
    assert said.endswith("have no group search.archiv; did you mean search.archive?")
    said = refused(capsys, "settings", "campaign", "search.island.bands.error.hgh")
    assert "did you mean search.island.bands.error.high?" in said


def test_names_reach_into_everything_that_holds_settings():
    assert known_names(Tree) == [
        "maybe",
        "maybe.size",
        "row",
        "row.*.size",
        "named",
        "named.*.size",
        "shape",
        "shape.kind",
        "shape.radius",
        "shape.side",
        "many",
        "many.*.kind",
        "many.*.radius",
        "many.*.side",
        "amount",
    ]


def test_what_only_some_kinds_know_says_so():
    (shape,) = [group for group in groups(Tree) if group.name == "shape"]
    rows = {setting.name: setting for setting in shape.settings}
    assert rows["shape.kind"].type == "one of round, square, box"
    assert rows["shape.radius"].description == "round: of the circle"
    assert rows["shape.side"].description == "square, box: of the square"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"maybe": {"siz": 1}}, "unknown setting maybe.siz; did you mean maybe.size?"),
        ({"row": [{}, {"siz": 1}]}, "unknown setting row.1.siz; did you mean row.1.size?"),
        ({"named": {"oak": {"siz": 1}}}, "unknown setting named.oak.siz; did you mean named.oak"),
        ({"shape": {"kind": "box", "sid": 1}}, "unknown setting shape.sid; did you mean shape.sid"),
        ({"many": [{"kind": "round", "radus": 1}]}, "setting many.0.radus; did you mean many.0.ra"),
        ({"shape": {"kind": "round", "radius": 0}}, "setting shape.radius: input should be great"),
        ({"amount": [1]}, "setting amount: input should be a valid"),
    ],
)
def test_a_mistake_is_placed_as_its_user_wrote_it(given, sentence):
    with pytest.raises(BadInput) as refusal:
        Tree.parse(given)
    assert sentence in str(refusal.value)


def test_a_misspelt_name_explains_the_one_that_is_missing():
    with pytest.raises(BadInput, match="unknown setting radis"):
        Round.parse({"kind": "round", "radis": 3})
    with pytest.raises(BadInput, match="unknown setting knd; did you mean kind?"):
        Round.parse({"knd": "round"})


def test_a_setting_that_is_there_twice_is_told_with_its_lines(tmp_path):
    """Of two, YAML would take the last without a word."""
    from evoskeleton.settings import read_yaml

    file = tmp_path / "twice.yaml"
    file.write_text("search:\n  islands: 2\nname: a\nsearch:\n  views: 3\n")
    with pytest.raises(BadInput, match="setting search is there twice, in line 1 and in line 4"):
        read_yaml(file)
    file.write_text("a: &own {x: 1, y: 2}\nb: {<<: *own, x: 3}\n")
    assert read_yaml(file) == {"a": {"x": 1, "y": 2}, "b": {"x": 3, "y": 2}}
