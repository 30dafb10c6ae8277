"""Python code and released descriptor of the contract in `annotation/proto`.

    python -m evoskeleton.annotation.generate             after every change of a .proto file
    python -m evoskeleton.annotation.generate --release   with every release

The descriptor is what clients in the field were built from; a test compares the contract with it.
Needs grpcio-tools, which the extra `dev` has.
"""

import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ANNOTATION = Path(__file__).resolve().parent
PROTO = ANNOTATION / "proto"
GENERATED = ANNOTATION / "generated"
RELEASED = PROTO / "released.binpb"
PACKAGE = "evoskeleton.annotation.generated"


def sources() -> list[Path]:
    """All .proto files, relative to `PROTO`."""
    return sorted(path.relative_to(PROTO) for path in PROTO.rglob("*.proto"))


def generate(folder: Path = GENERATED) -> None:
    """Write the code of all .proto files into one folder."""
    with tempfile.TemporaryDirectory() as scratch:
        outputs = ("python_out", "pyi_out", "grpc_python_out")
        _protoc([f"--{output}={scratch}" for output in outputs])
        for path in Path(scratch).rglob("*.py*"):
            code = path.read_text()
            if "_grpc" not in path.stem or "\nclass " in code:
                (folder / path.name).write_text(_in_our_package(code))


def describe(path: Path) -> None:
    """Write the descriptor of all .proto files, a serialized FileDescriptorSet."""
    _protoc([f"--descriptor_set_out={path}"])


def _protoc(options: Sequence[str]) -> None:
    from grpc_tools import protoc

    arguments = ["protoc", f"-I{PROTO}", f"-I{_well_known()}", *options, *map(str, sources())]
    if protoc.main(arguments):
        raise SystemExit("protoc refused the contract, see above")


def _well_known() -> Path:
    """Where the .proto files of google.protobuf lie."""
    import grpc_tools

    return Path(grpc_tools.__file__).parent / "_proto"


def _in_our_package(code: str) -> str:
    """protoc imports by the path of a .proto file, which in Python lies elsewhere."""
    return re.sub(r"^from evoskeleton\.v1 import", f"from {PACKAGE} import", code, flags=re.M)


if __name__ == "__main__":
    generate()
    if "--release" in sys.argv[1:]:
        describe(RELEASED)
