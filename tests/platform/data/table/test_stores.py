"""The seam to object stores: the same of S3, and of Azure where Azurite is installed."""

import pickle
from collections.abc import Iterator

import azure_server
import pyarrow.fs as pafs
import pytest
import s3_server
from table_rows import rows

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.pose_table import PoseTable
from evoskeleton.platform.data.table.objects import download, names_below, upload
from evoskeleton.platform.data.table.storage import options_for, store

pytestmark = pytest.mark.long


@pytest.fixture(params=["s3", "az"])
def home(request, tmp_path, monkeypatch) -> Iterator[str]:
    """The address of an empty bucket that the environment gives access to."""
    if request.param == "s3":
        with s3_server.running() as found:
            found.make_bucket("homes")
            for name, value in found.options.items():
                monkeypatch.setenv(name, value)
            yield "s3://homes"
        return
    if (reason := azure_server.why_not()) is not None:
        pytest.skip(reason)
    for name, value in azure_server.OPTIONS.items():
        monkeypatch.setenv(name, value)
    with azure_server.running(tmp_path / "azurite", "homes"):
        yield "az://homes"


def test_files_of_any_size_come_back_and_a_campaign_has_one_driver(home, tmp_path):
    there = store(f"{home}/mine", options_for(home, None))
    large = tmp_path / "large"
    large.write_bytes(bytes(range(256)) * 80_000)
    upload(there, large, "state/g1.npz")
    assert names_below(there) == names_below(there, "state") == ["state/g1.npz"]
    sent = pickle.loads(pickle.dumps(there))
    download(sent, "state/g1.npz", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == large.read_bytes()
    there.delete_file("state/g1.npz")
    assert there.get_file_info("state/g1.npz").type == pafs.FileType.NotFound
    assert names_below(there) == []

    first = PoseTable.create(f"{home}/poses")
    first.claim("mine")
    for generation in (0, 1, 1):
        first.commit("mine", generation, rows(generation))
    assert first.info()["rows"] == 40
    second = PoseTable.open(f"{home}/poses")
    second.claim("mine")
    with pytest.raises(BadInput, match="was taken over by another process"):
        first.commit("mine", 2, rows(2))
    second.commit("mine", 2, rows(2))
    assert second.count() == 60
