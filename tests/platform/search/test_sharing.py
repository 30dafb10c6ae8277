"""Poses for others: what a set is said to hold, a page to look at it, a data set that validates."""

import json
import re

import numpy as np
from refusals import refused

from evoskeleton.platform.data.origin import Origin
from evoskeleton.platform.data.poses import PoseSet, single_clip
from evoskeleton.platform.search.sharing.card import card
from evoskeleton.platform.search.sharing.croissant import croissant
from evoskeleton.platform.search.sharing.describe import described
from evoskeleton.platform.search.sharing.described_page import described_page
from evoskeleton.platform.search.sharing.terms import Terms
from evoskeleton.platform.search.sharing.viewer import Shown, page_of

NUMBERS = {
    "columns": ["id", "pose", "is_seed"], "poses": 30, "seeds": 10, "bred": 20, "generations": 2,
    "error_median_mm": 80.0, "baseline_mm": 60.0, "champion_mm": 52.0, "test_poses": 5,
    "limits": "default", "figures": [],
}  # fmt: skip


def test_a_set_is_described_by_what_is_in_it(motion):
    walk = single_clip(motion[:40], "S1", "walk", "a")
    twice = PoseSet.concat([walk, single_clip(motion[:10] + np.float32(70), "S1", "walk", "b")])
    numbers = described(twice, walk)
    assert (numbers["poses"], numbers["clips"]) == (50, 2)
    assert numbers["against"]["poses"] == 40 and numbers["against"]["shared_poses"] >= 48
    assert set(numbers["against"]["covered"].values()) == {1.0}
    assert 8 <= numbers["duplicates"] <= 10
    page = described_page("walks", numbers, twice, walk)
    assert "They cover 100 % of the limb directions of the 40 poses" in page
    assert page.count("data:image/png") == 3 and 'src="http' not in page


def test_the_viewers_page_holds_the_poses_and_no_address(motion):
    shown = Shown(
        poses=motion[:3], ids=np.array([5, 6, 2**60]), generation=np.array([0, 1, 2]),
        mother=np.array([-1, 0, 1]), operator=["seed", "bend", "</script>"], clip=["a", "", ""],
        error=np.array([np.nan, 50.0, 60.0]), left_again=np.array([False, True, False]),
    )  # fmt: skip
    page = page_of(shown, "mine")
    assert "http" not in page.replace("http-equiv", "") and page.count("</script>") == 1
    data = json.loads(re.search(r"const D = (\{.*\});", page)[1])
    assert data["id"][2] == str(2**60) and data["mother"] == [-1, 0, 1]
    assert data["error"] == [None, 50.0, 60.0] and data["leftAgain"] == [1]


def test_card_and_metadata_say_whose_it_is_and_hide_nothing():
    terms = Terms("CC-BY-4.0", "A Lab", "Thanks to the actors.", "walkers")
    walks = Origin("walks.bvh", "bvh", "CC0-1.0", "Recorded by the walkers.", "ab12")
    text = card(terms, NUMBERS, [("seed", "2", "1")], [walks, walks])
    assert "| walks.bvh | bvh | CC0-1.0 | ab12 |" in text
    assert text.count("Recorded by the walkers.") == 1
    assert "license: cc-by-4.0" in text and "Thanks to the actors." in text
    own = card(Terms("Ours alone", "A Lab", "", "walkers"), NUMBERS | {"seeds": 0}, [])
    assert "license: other" in own and "none of the real ones" in own
    data = croissant(terms, NUMBERS, {"data/a.parquet": "ab"}, "2026-01-01")
    assert data["rai:hasSyntheticData"] is True
    assert data["distribution"][0]["sha256"] == "ab"
    assert data["recordSet"][0]["field"][1]["repeated"] is True


def test_a_licence_is_asked_for(tmp_path, capsys):
    words = ["data", "publish", "--campaign", "a", "--creator", "us", "--output", tmp_path / "o"]
    assert "--licence should say it" in refused(capsys, *words, "--licence", " ")
