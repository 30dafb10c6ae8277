"""Settings of a campaign: what is refused, and in which words."""

import pytest
import yaml

from evoskeleton.errors import BadInput
from evoskeleton.platform.search.campaign.driver import demo_settings, template
from evoskeleton.platform.search.campaign.settings import (
    CampaignSettings,
    SearchSettings,
    differences,
    read_settings,
    write_settings,
)
from evoskeleton.settings import with_changes

SMALL = {"motion": {"seed": {"kind": "deepmimic"}}}


def small(*changes: str) -> CampaignSettings:
    return CampaignSettings.parse(with_changes(SMALL, list(changes)))


def test_the_template_is_a_valid_campaign(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(template())
    assert read_settings(path).name == "my-campaign"


def test_the_demo_can_be_changed_from_the_command_line():
    assert demo_settings(["seed=7"]).seed == 7


def test_settings_survive_the_trip_through_yaml():
    settings = small("search.islands=3")
    assert CampaignSettings.parse(yaml.safe_load(write_settings(settings))) == settings


def test_an_unknown_setting_is_refused_with_the_nearest_known_name():
    with pytest.raises(
        BadInput, match="unknown setting search.generation; did you mean search.gen"
    ):
        small("search.generation=3")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("search.island.keep=1.5", "search.island.keep.*less than or equal to 1, got 1.5"),
        ("training.growth=0.5", "training.growth.*greater than 1, got 0.5"),
        ("search.islands=0", "search.islands"),
        ("name=../up", "name"),
        ("search.migrants=600", "migrants should be less than"),
        ("search", "--set wants key=value"),
        ("seed.deeper=1", "is not a group"),
    ],
)
def test_a_value_that_cannot_be_is_refused(change, sentence):
    base = SMALL | {"seed": 1}
    with pytest.raises(BadInput, match=sentence):
        CampaignSettings.parse(with_changes(base, [change]))


def test_a_missing_settings_file_is_named(tmp_path):
    with pytest.raises(BadInput, match="none.yaml: No such file"):
        read_settings(tmp_path / "none.yaml")


def test_a_file_that_is_not_yaml_is_named(tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("a: [1,")
    with pytest.raises(BadInput, match="broken.yaml is not YAML"):
        read_settings(path)


def test_more_generations_and_other_machines_are_no_difference():
    assert differences(small(), small("search.generations=99", "machine.workers=3")) == []


def test_a_change_that_would_change_the_search_is_shown():
    found = differences(small(), small("search.islands=2", "seed=5"))
    assert found == ["search.islands: 4 -> 2", "seed: 1 -> 5"]


@pytest.mark.parametrize(
    ("search", "refused"),
    [
        ({"generations": 1, "island": {"population": 20_000, "pairs_share": 0.5}}, False),
        ({"generations": 1, "island": {"population": 40, "pairs_share": 0.05}}, True),
        ({"generations": 9, "island": {"population": None, "pairs_share": 0.05}}, False),
        ({"generations": 0}, False),
        ({"generations": 1, "island": {"offspring": 900}}, True),
        ({"generations": 1, "island": {"offspring": 900, "immigrants": 100}}, False),
    ],
)
def test_an_archive_has_no_more_cells_than_will_be_bred(search, refused):
    settings = {"islands": 1, "archive": {"cells": 1000, "quota": 5}, **search}
    if refused:
        with pytest.raises(BadInput, match="an archive of 1000 cells has more cells than the"):
            SearchSettings.parse(settings)
    else:
        SearchSettings.parse(settings)
