"""The contract: generated code is that of the .proto files, and no release breaks its clients."""

from collections.abc import Iterator

import pytest

pytest.importorskip("grpc_tools", reason="grpcio-tools is not installed")

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorSet,
)

from evoskeleton.annotation import generate


def entries(contract: FileDescriptorSet) -> dict[str, str]:
    """Everything that a client may rely on: what by name, and how it is written on the wire."""
    found = {}
    for file in contract.file:
        for service in file.service:
            for method in service.method:
                streams = f"{method.client_streaming} {method.server_streaming}"
                signature = f"{method.input_type} {method.output_type} {streams}"
                found[f"method {file.package}.{service.name}.{method.name}"] = signature
        for enum in file.enum_type:
            for value in enum.value:
                found[f"value {file.package}.{enum.name} {value.number}"] = value.name
        for message in file.message_type:
            found |= dict(message_entries(f"{file.package}.{message.name}", message))
    return found


def message_entries(name: str, message: DescriptorProto) -> Iterator[tuple[str, str]]:
    yield f"message {name}", ""
    for field in message.field:
        yield f"field {name} {field.number}", written(field)
    for enum in message.enum_type:
        for value in enum.value:
            yield f"value {name}.{enum.name} {value.number}", value.name
    for nested in message.nested_type:
        yield from message_entries(f"{name}.{nested.name}", nested)


def written(field: FieldDescriptorProto) -> str:
    oneof = field.oneof_index if field.HasField("oneof_index") else "-"
    return f"{field.name} {field.type} {field.type_name} {field.label} {oneof}"


def breaking_changes(old: FileDescriptorSet, new: FileDescriptorSet) -> list[str]:
    """What clients of the old contract rely on and the new one does not keep."""
    there = entries(new)
    return [name for name, value in entries(old).items() if there.get(name) != value]


@pytest.fixture
def released() -> FileDescriptorSet:
    return FileDescriptorSet.FromString(generate.RELEASED.read_bytes())


@pytest.fixture
def changed(released) -> FileDescriptorSet:
    return FileDescriptorSet.FromString(released.SerializeToString())


def test_the_generated_code_is_that_of_the_contract(tmp_path):
    generate.generate(tmp_path)
    committed = {path.name: path.read_text() for path in generate.GENERATED.glob("*_pb2*")}
    made = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert made == committed, "run python -m evoskeleton.annotation.generate"


def test_the_contract_keeps_what_was_released(tmp_path, released):
    generate.describe(tmp_path / "now.binpb")
    now = FileDescriptorSet.FromString((tmp_path / "now.binpb").read_bytes())
    assert breaking_changes(released, now) == []


def message(contract: FileDescriptorSet, name: str) -> DescriptorProto:
    return next(m for file in contract.file for m in file.message_type if m.name == name)


def test_a_new_field_and_a_new_message_break_nothing(released, changed):
    message(changed, "Model").field.add(name="new", number=99, type=9, label=1)
    changed.file[0].message_type.add(name="New")
    assert breaking_changes(released, changed) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda field: setattr(field, "number", 77),
        lambda field: setattr(field, "type", FieldDescriptorProto.TYPE_BYTES),
        lambda field: setattr(field, "name", "other"),
        lambda field: setattr(field, "label", FieldDescriptorProto.LABEL_REPEATED),
    ],
    ids=["number", "type", "name", "label"],
)
def test_a_field_of_another_number_type_name_or_label_is_refused(released, changed, change):
    change(message(changed, "Model").field[0])
    assert breaking_changes(released, changed) == ["field evoskeleton.v1.Model 1"]


def test_a_message_and_a_method_that_are_gone_are_refused(released, changed):
    file = next(file for file in changed.file if file.service)
    gone = file.service[0].method[0]
    file.service[0].method.remove(gone)
    file.message_type.remove(message(changed, gone.input_type.split(".")[-1]))
    lost = breaking_changes(released, changed)
    assert any(name.startswith("method ") for name in lost)
    assert any(name.startswith("message ") for name in lost)


def test_a_method_that_streams_instead_is_refused(released, changed):
    method = next(file for file in changed.file if file.service).service[0].method[0]
    method.server_streaming = not method.server_streaming
    assert len(breaking_changes(released, changed)) == 1
