"""Sources: Parquet files read as documented, filters, fractions, held-out clips, refusals."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.pose_rows import PoseRows
from evoskeleton.platform.data.pose_table import PoseTable
from evoskeleton.platform.data.poses import PoseSet, single_clip
from evoskeleton.platform.data.sources.load import hold_out, load, settings_from_text
from evoskeleton.platform.data.sources.settings import KINDS, SourceSettings
from evoskeleton.platform.search.campaign.settings import CampaignSettings, MotionSettings


def rows(motion: np.ndarray, **columns: object) -> dict[str, object]:
    count = len(motion)
    half = count // 2
    return {
        "subject": ["S1"] * half + ["S2"] * (count - half),
        "action": ["walk"] * count,
        "clip": [f"c{number * 4 // count}" for number in range(count)],
        "frame": pa.array(range(count), pa.int32()),
        "pose": pa.array(list(motion.reshape(count, -1))),
    } | columns


@pytest.fixture
def file(tmp_path, motion) -> Path:
    pq.write_table(pa.table(rows(motion)), tmp_path / "poses.parquet")
    return tmp_path / "poses.parquet"


def source(file: Path, **settings: object) -> PoseSet:
    return load(SourceSettings.parse({"kind": "parquet", "path": str(file)} | settings))


def test_what_was_written_is_read(file, motion):
    poses = source(file)
    assert np.array_equal(poses.poses, motion)
    assert poses.frame.tolist() == list(range(len(motion)))


@pytest.mark.parametrize("kind", ["fixed size", "large list", "float64", "dictionary"])
def test_every_way_to_store_the_columns_reads_the_same(kind, tmp_path, motion):
    flat = pa.array(motion.reshape(-1))
    columns = rows(motion)
    if kind == "fixed size":
        columns["pose"] = pa.FixedSizeListArray.from_arrays(flat, 51)
    elif kind == "large list":
        columns["pose"] = pa.array(list(motion.reshape(-1, 51)), pa.large_list(pa.float32()))
    elif kind == "float64":
        columns["pose"] = pa.array(list(motion.reshape(-1, 51).astype(np.float64)))
    else:
        columns["clip"] = pa.array(columns["clip"]).dictionary_encode()
    pq.write_table(pa.table(columns), tmp_path / "p.parquet")
    assert np.array_equal(source(tmp_path / "p.parquet").poses, motion)


def test_the_other_columns_may_be_left_out(tmp_path, motion):
    pq.write_table(pa.table({"pose": rows(motion)["pose"]}), tmp_path / "mine.parquet")
    poses = source(tmp_path / "mine.parquet")
    assert set(poses.clip.tolist()) == {"mine"} and len(poses) == len(motion)


def test_real_poses_are_read_with_their_clips(cmu_file, cmu):
    poses = source(cmu_file, subjects=["CMU02"], actions=["walk"])
    wanted = (cmu.subject == "CMU02") & (cmu.action == "walk")
    assert len(poses) == wanted.sum() == 215
    assert poses.clips() == [("CMU02", "02_01"), ("CMU02", "02_02")]


def test_patterns_keep_and_drop(file):
    assert set(source(file, subjects=["*2"]).subject.tolist()) == {"S2"}
    assert set(source(file, exclude_clips=["c0", "c1"]).clip.tolist()) == {"c2", "c3"}


def test_a_fraction_is_the_same_every_time_and_another_with_another_seed(file):
    first, again = source(file, fraction=0.1), source(file, fraction=0.1)
    other = source(file, fraction=0.1, fraction_seed=1)
    assert len(first) == 24
    assert np.array_equal(first.frame, again.frame)
    assert not np.array_equal(first.frame, other.frame)


def test_a_cap_takes_the_same_number_of_every_subject(file):
    poses = source(file, max_per_subject=30)
    assert (poses.subject == "S1").sum() == (poses.subject == "S2").sum() == 30


def test_held_out_clips_are_whole(file):
    kept, held = hold_out(source(file), 0.25, seed=3)
    assert not set(kept.clips()) & set(held.clips())
    assert len(held.clips()) == 1 and len(kept) + len(held) == 240


def test_a_single_clip_cannot_be_shared(file):
    with pytest.raises(BadInput, match="cannot be held out of a single one"):
        hold_out(source(file, clips=["c0"]), 0.5, seed=0)


def test_a_filter_that_leaves_nothing_says_what_there_is(file):
    with pytest.raises(BadInput, match=r"no clip is left .* by c3; there are c0, c1"):
        source(file, subjects=["S1"], clips=["c3"])


@pytest.mark.parametrize("setting", ["subjects", "exclude_subjects"])
def test_a_name_that_fits_nothing_is_told_even_among_others_that_do(setting, file):
    with pytest.raises(BadInput, match=f"{setting}: no subject fits S9; there are S1, S2"):
        source(file, **{setting: ["S1", "S9"]})


def test_a_smaller_fraction_is_a_part_of_a_larger_one(file):
    small, large = source(file, fraction=0.05), source(file, fraction=0.5)
    assert set(small.frame.tolist()) < set(large.frame.tolist())


def test_the_evolved_poses_of_a_table_are_a_source(tmp_path, motion):
    table = PoseTable.create(tmp_path / "poses")
    rows = {"id": np.arange(len(motion)), "operator": ["seed"] * len(motion), "poses": motion}
    table.commit("a", 0, PoseRows.of_columns(rows))
    poses = load(settings_from_text(str(tmp_path / "poses")))
    assert np.array_equal(poses.poses, motion)


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"pose": "short"}, r"51 numbers .* got 48 in row 0"),
        ({"pose": "text"}, "should hold lists of 51 numbers"),
        ({"clip": None}, "column clip should have a value in every row"),
        ({"frame": "float"}, "column frame should hold whole numbers"),
    ],
)
def test_a_column_that_does_not_fit_is_told(columns, sentence, tmp_path, motion):
    count = len(motion)
    broken = {
        "short": pa.array(list(motion[:, :16].reshape(count, -1))),
        "text": pa.array(["a"] * count),
        None: pa.array([None] * count, pa.string()),
        "float": pa.array(np.zeros(count)),
    }
    changed = {name: broken[kind] for name, kind in columns.items()}
    pq.write_table(pa.table(rows(motion, **changed)), tmp_path / "p.parquet")
    with pytest.raises(BadInput, match=sentence):
        source(tmp_path / "p.parquet")


def test_a_table_without_poses_is_told(tmp_path):
    pq.write_table(pa.table({"x": [1]}), tmp_path / "p.parquet")
    with pytest.raises(BadInput, match="should have a column pose, got x"):
        source(tmp_path / "p.parquet")


def test_infinite_coordinates_are_told_with_clip_and_frame(tmp_path, motion):
    broken = motion.copy()
    broken[70, 3, 0] = np.inf
    pq.write_table(pa.table(rows(broken)), tmp_path / "p.parquet")
    with pytest.raises(BadInput, match="clip c1, frame 70: joint RFoot should be finite, got inf"):
        source(tmp_path / "p.parquet")


def test_a_bone_of_no_length_is_told_with_clip_and_frame(tmp_path, motion):
    broken = motion.copy()
    broken[70:72, 3] = broken[70:72, 2]
    pq.write_table(pa.table(rows(broken)), tmp_path / "p.parquet")
    sentence = r"clip c1, frame 70: the bone RKnee-RFoot has no length \(2 poses in all\)"
    with pytest.raises(BadInput, match=sentence):
        source(tmp_path / "p.parquet")


@pytest.mark.parametrize("content", [None, "not parquet"])
def test_a_file_that_is_missing_or_something_else_is_told(content, tmp_path):
    if content is not None:
        (tmp_path / "p.parquet").write_text(content)
    with pytest.raises(BadInput, match=r"p\.parquet") as refusal:
        source(tmp_path / "p.parquet")
    assert "\n" not in str(refusal.value)


def test_reading_sources_needs_no_torch_and_no_ray():
    program = (
        "import sys, evoskeleton.platform.data.sources.load, evoskeleton.platform.data.pose_table;"
        "import evoskeleton.platform.data.mocap.deepmimic;"
        "import evoskeleton.platform.data.formats.parquet;"
        "print([name for name in ('torch', 'ray', 'mlflow') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert said.stdout == "[]\n"


@pytest.mark.parametrize(("scale", "unit"), [(1e-3, "metres"), (0.1, "centimetres")])
def test_other_units_are_told(scale, unit, tmp_path, motion):
    pq.write_table(pa.table(rows(motion * np.float32(scale))), tmp_path / "p.parquet")
    with pytest.raises(BadInput, match=f"looks like {unit}"):
        source(tmp_path / "p.parquet")


def test_a_loader_of_ones_own_can_be_named(tmp_path, motion, monkeypatch):
    module = tmp_path / "mine_loader.py"
    module.write_text(
        "import numpy as np\n"
        "from evoskeleton.platform.data.poses import single_clip\n"
        "def read(settings):\n"
        "    return single_clip(np.load(settings.path), 'me', 'any', 'one')\n"
    )
    np.save(tmp_path / "p.npy", motion)
    monkeypatch.syspath_prepend(str(tmp_path))
    settings = SourceSettings.parse(dict(kind="mine_loader:read", path=str(tmp_path / "p.npy")))
    assert np.array_equal(load(settings).poses, motion)


@pytest.fixture
def own_module(tmp_path, motion, monkeypatch):
    (tmp_path / "own_folds.py").write_text(
        "import numpy as np\n"
        "from evoskeleton.platform.data.poses import single_clip\n"
        "from evoskeleton.platform.data.sources.settings import SourceSettings\n"
        "class Folds(SourceSettings):\n"
        "    fold: int = 0\n"
        "def typed(settings: Folds):\n"
        "    return single_clip(np.load(settings.path)[settings.fold :], 'me', 'any', 'one')\n"
        "def plain(settings):\n"
        "    first = settings.options['fold']\n"
        "    return single_clip(np.load(settings.path)[first:], 'me', 'any', 'one')\n"
    )
    np.save(tmp_path / "p.npy", motion)
    monkeypatch.syspath_prepend(str(tmp_path))
    return {"path": str(tmp_path / "p.npy")}


@pytest.mark.parametrize("function", ["typed", "plain"])
def test_a_loader_of_ones_own_gets_settings_of_its_own(function, own_module, motion):
    settings = SourceSettings.parse({"kind": f"own_folds:{function}", "fold": 3} | own_module)
    again = SourceSettings.parse(settings.model_dump(mode="json"))
    assert again == settings
    assert np.array_equal(load(again).poses, motion[3:])


def test_what_ones_own_settings_do_not_know_is_refused(own_module):
    settings = SourceSettings.parse({"kind": "own_folds:typed", "fodl": 3} | own_module)
    with pytest.raises(BadInput, match="unknown setting fodl; did you mean fold"):
        load(settings)


def test_options_are_for_sources_of_ones_own():
    with pytest.raises(BadInput, match="options are for a source of your own"):
        SourceSettings.parse({"kind": "standard", "options": {"fold": 3}})
    with pytest.raises(BadInput, match="unknown setting fold"):
        SourceSettings.parse({"kind": "standard", "fold": 3})


SAVED = {
    "path": "poses", "subjects": [], "actions": [], "clips": [],
    "exclude_subjects": [], "exclude_actions": [], "exclude_clips": [],
    "units": None, "up": None, "fps": None, "skeleton": None, "joints": None,
    "subject": None, "action": None,
    "subset": None, "fraction": 1.0, "fraction_seed": 0, "max_per_subject": None,
}  # fmt: skip
"""How files of campaigns, and records that studies compare, hold a source of any kind."""


@pytest.mark.parametrize("kind", [*KINDS, "mine:load"])
def test_settings_of_any_kind_are_saved_and_read_with_the_names_of_all_kinds(kind):
    given = SourceSettings.parse({"kind": kind, "path": "poses"})
    assert given.model_dump(mode="json") == {"kind": kind} | SAVED
    assert list(given.model_dump()) == ["kind", *SAVED]
    saved = MotionSettings.parse({"seed": {"kind": kind} | SAVED | {"options": {}}})
    assert saved.seed == given and type(saved.seed) is type(given)
    assert MotionSettings.parse(saved.model_dump(mode="json")) == saved


def test_a_campaign_says_where_a_source_is_wrong():
    with pytest.raises(BadInput, match="setting motion.seed: units is for recordings"):
        CampaignSettings.parse({"motion": {"seed": {"kind": "parquet", "units": "cm"}}})
    with pytest.raises(BadInput, match="setting motion.seed: kind of a source .*, got bvh2$"):
        CampaignSettings.parse({"motion": {"seed": {"kind": "bvh2"}}})
    with pytest.raises(BadInput, match="setting motion.seed.up: input should be 'x', 'y' or 'z'"):
        CampaignSettings.parse({"motion": {"seed": {"kind": "bvh", "up": "w"}}})
    seed = {"kind": "parquet"}
    with pytest.raises(BadInput, match=r"motion.test.pth; did you mean motion.test.path\?"):
        CampaignSettings.parse({"motion": {"seed": seed, "test": {"kind": "bvh", "pth": "x"}}})
    with pytest.raises(BadInput, match="setting motion.seed.kind: field required"):
        CampaignSettings.parse({"motion": {"seed": {"path": "x"}}})


def test_settings_of_no_class_of_their_own_are_read_by_their_kind(file):
    assert len(load(SourceSettings(kind="parquet", path=str(file)))) == 240
    with pytest.raises(BadInput, match="should be one of deepmimic, .*, got bvh2"):
        load(SourceSettings(kind="bvh2"))


@pytest.mark.parametrize("kind", ["parquet", "folder"])
@pytest.mark.parametrize("declared", [{"up": "y"}, {"units": "cm"}, {"subject": "anna"}])
def test_what_a_format_lays_down_cannot_be_declared(kind, declared, file):
    path = file if kind == "parquet" else file.parent
    sentence = f"{next(iter(declared))} is for recordings .* what parquet hold is laid down"
    with pytest.raises(BadInput, match=sentence):
        load(SourceSettings.parse(dict(kind=kind, path=str(path), **declared)))


def test_clips_of_one_name_are_told_apart_by_their_subjects(motion):
    takes = [("S9", "walk"), ("S11", "walk"), ("S11", "sit")]
    parts = [single_clip(motion[:2], subject, clip, clip) for subject, clip in takes]
    assert PoseSet.concat(parts).clip_label().tolist() == [
        "S9/walk", "S9/walk", "S11/walk", "S11/walk", "sit", "sit",
    ]  # fmt: skip


def test_an_unknown_kind_is_told():
    with pytest.raises(BadInput, match="should be one of deepmimic, parquet, table, .*, got bvh2"):
        load(SourceSettings.parse(dict(kind="bvh2")))


def test_a_source_fits_into_one_word_of_a_command_line(tmp_path):
    assert settings_from_text("deepmimic").kind == "deepmimic"
    assert settings_from_text("mine.parquet").path == "mine.parquet"
    braces = settings_from_text("{kind: parquet, path: p, subjects: [S1]}")
    assert braces.subjects == ["S1"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("raise OSError('no such file')", "source odd_source:load: OSError: no such file"),
        ("return settings.options['fold']", "source odd_source:load: KeyError: 'fold'"),
        ("return 3", "source odd_source:load should give a PoseSet, got int"),
    ],
)
def test_what_goes_wrong_in_an_own_source_is_told(tmp_path, monkeypatch, body, sentence):
    (tmp_path / "odd_source.py").write_text(f"def load(settings):\n    {body}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "odd_source", raising=False)
    with pytest.raises(BadInput, match=re.escape(sentence)):
        load(SourceSettings.parse({"kind": "odd_source:load"}))


def test_an_array_of_joints_in_another_order_is_refused(motion, tmp_path):
    others = [10, 8, 14, 15, 16, 11, 12, 13, 1, 2, 3, 4, 5, 6, 0, 7, 9]
    np.save(tmp_path / "k.npy", motion[:20][:, others])
    with pytest.raises(BadInput, match="in the order Hip, RHip, .* cannot be: the bones to RHip"):
        load(settings_from_text(str(tmp_path / "k.npy"), ["units=mm", "up=z"]))
