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


def search(**settings: object) -> SearchSettings:
    return SearchSettings.parse(settings)


def test_resemblance_without_a_target_is_refused():
    for island in ({"objectives": [["resemblance"]]}, {"bands": {"resemblance": {"high": 0.5}}}):
        with pytest.raises(BadInput) as refusal:
            search(island=island)
        assert "resemblance is measured against a target: set search.target as well" in str(
            refusal.value
        )


def test_half_the_islands_breed_towards_a_target_unless_objectives_say_otherwise():
    target = ["a.json"]
    island = search(target=target, island={"offspring": 9}).island
    assert island.objectives == (("resemblance",), ("error",)) and island.offspring == 9
    assert island.is_targeted(2) and not island.is_targeted(3)
    asked = search(target=target, island={"objectives": [["error"], ["margin", "resemblance"]]})
    assert not any(asked.island.is_targeted(number) for number in range(4))
    assert search().island.objectives == (("error",),)


@pytest.mark.parametrize("number", [200, "200", 200.0])
def test_the_earlier_names_of_the_numbers_of_rows_are_read(number):
    assert search(target=number) == search(rows=200)
    assert search(target_ratio=3) == search(rows_ratio=3)
    assert search(target="2024.json").rows is None, "a file, not a number"


def test_a_saved_file_of_before_there_were_targets_is_the_same_campaign(tmp_path):
    path = tmp_path / "settings.yaml"
    known = small("search.rows=200")
    words = yaml.safe_load(write_settings(known))
    earlier = words["search"]
    for name in ("rows", "rows_ratio", "niches"):
        del earlier[name]
    path.write_text(yaml.safe_dump(words | {"search": earlier | {"target": 200}}))
    assert read_settings(path) == known
    later = read_settings(path, ["search.target=300"])
    assert later.search.rows == 300 and differences(known, later) == []
    path.write_text(yaml.safe_dump(words | {"search": earlier | {"target_ratio": 2.5}}))
    assert differences(small("search.rows_ratio=2.5"), read_settings(path)) == []


def test_what_is_made_for_a_target_needs_islands_beside_the_others():
    with pytest.raises(BadInput, match="islands should be 4094 or fewer where there is a target"):
        search(target=["a.json"], islands=4095)
    assert search(islands=4095).islands == 4095
