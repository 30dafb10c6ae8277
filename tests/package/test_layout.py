"""The folders and the arrows between them: what may import what, and what must stay light."""

import ast
import os
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("platform", "evolution", "lifting", "pose2d", "annotation")
MAY_IMPORT = {
    "evolution": set(),
    "lifting": {"evolution"},
    "pose2d": {"lifting", "evolution"},
    "platform": {"lifting", "evolution"},
    "annotation": {"platform", "pose2d", "lifting", "evolution"},
}
TREE = ROOT / "deploy" / "python" / "evoskeleton"


@cache
def imported_modules(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def test_platform_has_no_init_that_would_shadow_the_standard_library():
    assert not (ROOT / "platform" / "__init__.py").exists()
    assert not (ROOT / "platform.py").exists()


def test_the_standard_librarys_platform_wins_from_the_repository_root():
    code = "import platform, uuid; print(platform.python_version())"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert out.returncode == 0, out.stderr


def test_the_package_tree_points_at_the_top_level_folders():
    links = {path.name for path in TREE.iterdir() if path.is_symlink()}
    assert links == set(FOLDERS)
    for name in FOLDERS:
        assert (TREE / name).resolve() == ROOT / name
        assert not os.path.isabs(os.readlink(TREE / name))


@pytest.mark.parametrize("folder", FOLDERS)
def test_imports_point_one_way_only(folder):
    allowed = MAY_IMPORT[folder] | {folder}
    for path in (ROOT / folder).rglob("*.py"):
        for name in imported_modules(path):
            parts = name.split(".")
            if parts[0] == "evoskeleton" and len(parts) > 1 and parts[1] in FOLDERS:
                assert parts[1] in allowed, f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize(
    "folder",
    ["evolution", "lifting", "platform/data", "platform/record", "pose2d", "annotation"],
)
def test_only_the_search_knows_ray(folder):
    for path in (ROOT / folder).rglob("*.py"):
        tops = {name.split(".")[0] for name in imported_modules(path)}
        assert "ray" not in tops, path
        if folder in ("evolution", "lifting", "platform/data"):
            assert "mlflow" not in tops, path


def test_ray_stays_in_its_room_of_the_search():
    search = ROOT / "platform" / "search"
    knows = {
        path.relative_to(search).as_posix()
        for path in search.rglob("*.py")
        if "ray" in {name.split(".")[0] for name in imported_modules(path)}
    }
    assert "workers/pool.py" in knows
    assert not [name for name in knows if not name.startswith("workers/")]


PLATFORM_MAY_IMPORT = {
    "data": set(),
    "record": {"data"},
    "search.workers": {"data", "record"},
    "search.target": {"data"},
    "search.campaign": {"search.target", "search.workers", "data", "record"},
    "search.comparing": {"search.campaign", "search.target", "search.workers", "data", "record"},
    "search.planning": {"search.campaign", "search.workers", "data", "record"},
    "search.adapting": {"search.campaign", "search.target", "search.workers", "data", "record"},
    "search.study": {"search.campaign", "search.workers", "data", "record"},
}


@pytest.mark.parametrize("room", PLATFORM_MAY_IMPORT)
def test_rooms_of_the_platform_import_one_way_only(room):
    allowed = PLATFORM_MAY_IMPORT[room] | {room}
    paths = list((ROOT / "platform" / room.replace(".", "/")).rglob("*.py"))
    assert len(paths) > 1
    for path in paths:
        for name in imported_modules(path):
            _, platform, within = name.partition("evoskeleton.platform.")
            if platform:
                assert any(f"{within}.".startswith(f"{other}.") for other in allowed), (path, name)


def test_a_look_at_campaigns_and_studies_never_imports_ray():
    code = (
        "import sys, evoskeleton.platform.search.campaign.driver,"
        " evoskeleton.platform.search.campaign.progress,"
        " evoskeleton.platform.search.campaign.status,"
        " evoskeleton.platform.search.comparing.comparison,"
        " evoskeleton.platform.search.study.study,"
        " evoskeleton.platform.search.study.study_report;"
        "print('ray' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert out.stdout.strip() == "False", out.stderr


def test_the_data_commands_and_annotations_never_import_ray():
    pytest.importorskip("grpc", reason="the extra `serve` is not installed")
    code = (
        "import sys, evoskeleton.cli, evoskeleton.platform.data.pose_table,"
        " evoskeleton.platform.data.sources.load, evoskeleton.platform.data.annotated,"
        " evoskeleton.commands.annotations, evoskeleton.lifting.bundle,"
        " evoskeleton.annotation.server.endpoint,"
        " evoskeleton.annotation.store.coco_import,"
        " evoskeleton.annotation.formats.exports;"
        "print(sorted({'ray', 'mlflow'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert out.stdout.strip() == "[]", out.stderr


def test_the_command_line_needs_no_extra():
    code = (
        "import sys, evoskeleton.cli;"
        "print(sorted({'grpc', 'sqlalchemy', 'alembic', 'PIL', 'cv2'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert out.stdout.strip() == "[]", out.stderr


def test_no_code_lies_outside_the_fixed_folders():
    tracked = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True
    ).stdout.split()
    if not tracked:
        pytest.skip("not a git checkout")
    assert {path.split("/")[0] for path in tracked} <= {*FOLDERS, "deploy", "tests", "docs"}


@pytest.mark.parametrize("folder", [*FOLDERS, "deploy/python/evoskeleton/commands"])
def test_tables_of_the_terminal_are_made_in_console_alone(folder):
    for path in (ROOT / folder).rglob("*.py"):
        assert "rich" not in {name.split(".")[0] for name in imported_modules(path)}, path


@cache
def modules() -> dict[str, Path]:
    """Every module of ours by its name below the package; what is generated is left out."""
    roots = [TREE, *(path for path in TREE.iterdir() if path.is_symlink())]
    found = {}
    for root in roots:
        for path in root.resolve().rglob("*.py") if root.is_symlink() else root.rglob("*.py"):
            inside = root.relative_to(TREE) / path.relative_to(root.resolve())
            if not {"generated", "migrations"} & set(inside.parts):
                name = ".".join(inside.with_suffix("").parts).removesuffix(".__init__")
                found[name] = path
    return found


@cache
def arrows() -> dict[str, set[str]]:
    """Which modules each imports, at its top or in a function; what only types need is left out."""
    known = modules()
    return {name: set(_imported(path, known)) - {name} for name, path in known.items()}


def _imported(path: Path, known: dict[str, Path]) -> list[str]:
    tree = ast.parse(path.read_text())
    for_types = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node not in for_types:
            base = (node.module or "").removeprefix("evoskeleton").lstrip(".")
            below = [f"{base}.{alias.name}" for alias in node.names]
            names += [name if name in known else base for name in below]
    return [name for name in names if name in known]


def circles(graph: dict[str, set[str]]) -> list[str]:
    """What is left when everything that imports nothing that is left has been taken away."""
    left = dict(graph)
    while free := [name for name, targets in left.items() if not targets & left.keys()]:
        for name in free:
            del left[name]
    return sorted(left)


def test_no_module_imports_itself_by_a_detour():
    assert circles(arrows()) == []


def test_rooms_beside_one_another_import_one_way():
    """Rooms of one folder; the files that lie in the folder itself are below or above them all."""
    graph: dict[tuple[str, ...], dict[str, set[str]]] = {}
    for name, targets in arrows().items():
        here = name.split(".")
        for target in targets:
            there = target.split(".")
            for depth in range(min(len(here), len(there)) - 1):
                if here[:depth] == there[:depth] and here[depth] != there[depth]:
                    room = graph.setdefault(tuple(here[:depth]), {})
                    room.setdefault(here[depth], set()).add(there[depth])
    assert graph
    for folder, rooms in graph.items():
        assert circles(rooms) == [], f"rooms of {'/'.join(folder) or 'the package'}"


def test_the_readmes_map_has_every_room():
    drawn = (ROOT / "README.md").read_text().split("## Folders")[1].split("\n## ")[0]
    above = (*FOLDERS, "platform/data", "platform/search")
    rooms = [
        room for folder in above for room in (ROOT / folder).iterdir() if list(room.glob("*.py"))
    ]
    assert len(rooms) > 40
    assert [str(room.relative_to(ROOT)) for room in rooms if f"{room.name}/" not in drawn] == []


def test_no_folder_holds_more_than_fifteen_files():
    counts = Counter(path.parent for path in modules().values() if path.stem != "__init__")
    full = {str(path.relative_to(ROOT)): count for path, count in counts.items() if count > 15}
    assert full == {}
