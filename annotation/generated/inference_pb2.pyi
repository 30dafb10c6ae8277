from evoskeleton.annotation.generated import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DetectPeopleRequest(_message.Message):
    __slots__ = ("image", "boxes")
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    BOXES_FIELD_NUMBER: _ClassVar[int]
    image: bytes
    boxes: _containers.RepeatedCompositeFieldContainer[_common_pb2.Box]
    def __init__(self, image: _Optional[bytes] = ..., boxes: _Optional[_Iterable[_Union[_common_pb2.Box, _Mapping]]] = ...) -> None: ...

class DetectPeopleResponse(_message.Message):
    __slots__ = ("people", "width", "height", "detector")
    PEOPLE_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    DETECTOR_FIELD_NUMBER: _ClassVar[int]
    people: _containers.RepeatedCompositeFieldContainer[_common_pb2.Person]
    width: int
    height: int
    detector: _common_pb2.Model
    def __init__(self, people: _Optional[_Iterable[_Union[_common_pb2.Person, _Mapping]]] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., detector: _Optional[_Union[_common_pb2.Model, _Mapping]] = ...) -> None: ...

class LiftKeypointsRequest(_message.Message):
    __slots__ = ("schema", "keypoints", "visibility", "width", "height", "poses")
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    KEYPOINTS_FIELD_NUMBER: _ClassVar[int]
    VISIBILITY_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    POSES_FIELD_NUMBER: _ClassVar[int]
    schema: str
    keypoints: _common_pb2.FloatArray
    visibility: _common_pb2.FloatArray
    width: int
    height: int
    poses: int
    def __init__(self, schema: _Optional[str] = ..., keypoints: _Optional[_Union[_common_pb2.FloatArray, _Mapping]] = ..., visibility: _Optional[_Union[_common_pb2.FloatArray, _Mapping]] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., poses: _Optional[int] = ...) -> None: ...

class LiftKeypointsResponse(_message.Message):
    __slots__ = ("joints", "model", "error_radii_mm", "hidden_error_radii_mm", "approximated")
    JOINTS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ERROR_RADII_MM_FIELD_NUMBER: _ClassVar[int]
    HIDDEN_ERROR_RADII_MM_FIELD_NUMBER: _ClassVar[int]
    APPROXIMATED_FIELD_NUMBER: _ClassVar[int]
    joints: _common_pb2.FloatArray
    model: _common_pb2.Model
    error_radii_mm: _containers.RepeatedScalarFieldContainer[float]
    hidden_error_radii_mm: _containers.RepeatedScalarFieldContainer[float]
    approximated: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, joints: _Optional[_Union[_common_pb2.FloatArray, _Mapping]] = ..., model: _Optional[_Union[_common_pb2.Model, _Mapping]] = ..., error_radii_mm: _Optional[_Iterable[float]] = ..., hidden_error_radii_mm: _Optional[_Iterable[float]] = ..., approximated: _Optional[_Iterable[str]] = ...) -> None: ...

class EstimatePosesRequest(_message.Message):
    __slots__ = ("image", "boxes")
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    BOXES_FIELD_NUMBER: _ClassVar[int]
    image: bytes
    boxes: _containers.RepeatedCompositeFieldContainer[_common_pb2.Box]
    def __init__(self, image: _Optional[bytes] = ..., boxes: _Optional[_Iterable[_Union[_common_pb2.Box, _Mapping]]] = ...) -> None: ...

class EstimatePosesResponse(_message.Message):
    __slots__ = ("people", "width", "height", "detector", "model", "error_radii_mm", "hidden_error_radii_mm")
    PEOPLE_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    DETECTOR_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ERROR_RADII_MM_FIELD_NUMBER: _ClassVar[int]
    HIDDEN_ERROR_RADII_MM_FIELD_NUMBER: _ClassVar[int]
    people: _containers.RepeatedCompositeFieldContainer[_common_pb2.Person]
    width: int
    height: int
    detector: _common_pb2.Model
    model: _common_pb2.Model
    error_radii_mm: _containers.RepeatedScalarFieldContainer[float]
    hidden_error_radii_mm: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, people: _Optional[_Iterable[_Union[_common_pb2.Person, _Mapping]]] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., detector: _Optional[_Union[_common_pb2.Model, _Mapping]] = ..., model: _Optional[_Union[_common_pb2.Model, _Mapping]] = ..., error_radii_mm: _Optional[_Iterable[float]] = ..., hidden_error_radii_mm: _Optional[_Iterable[float]] = ...) -> None: ...

class StreamPosesRequest(_message.Message):
    __slots__ = ("frame", "image", "boxes")
    FRAME_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    BOXES_FIELD_NUMBER: _ClassVar[int]
    frame: int
    image: bytes
    boxes: _containers.RepeatedCompositeFieldContainer[_common_pb2.Box]
    def __init__(self, frame: _Optional[int] = ..., image: _Optional[bytes] = ..., boxes: _Optional[_Iterable[_Union[_common_pb2.Box, _Mapping]]] = ...) -> None: ...

class StreamPosesResponse(_message.Message):
    __slots__ = ("frame", "poses", "problem")
    FRAME_FIELD_NUMBER: _ClassVar[int]
    POSES_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    frame: int
    poses: EstimatePosesResponse
    problem: str
    def __init__(self, frame: _Optional[int] = ..., poses: _Optional[_Union[EstimatePosesResponse, _Mapping]] = ..., problem: _Optional[str] = ...) -> None: ...

class GetModelRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetModelResponse(_message.Message):
    __slots__ = ("model", "joint_names", "schemas", "errors_mm", "error_radii_mm", "hidden_error_radii_mm", "error_radii_level", "detector", "most_poses", "most_pixels", "most_message_bytes")
    class ErrorsMmEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    MODEL_FIELD_NUMBER: _ClassVar[int]
    JOINT_NAMES_FIELD_NUMBER: _ClassVar[int]
    SCHEMAS_FIELD_NUMBER: _ClassVar[int]
    ERRORS_MM_FIELD_NUMBER: _ClassVar[int]
    ERROR_RADII_MM_FIELD_NUMBER: _ClassVar[int]
    HIDDEN_ERROR_RADII_MM_FIELD_NUMBER: _ClassVar[int]
    ERROR_RADII_LEVEL_FIELD_NUMBER: _ClassVar[int]
    DETECTOR_FIELD_NUMBER: _ClassVar[int]
    MOST_POSES_FIELD_NUMBER: _ClassVar[int]
    MOST_PIXELS_FIELD_NUMBER: _ClassVar[int]
    MOST_MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    model: _common_pb2.Model
    joint_names: _containers.RepeatedScalarFieldContainer[str]
    schemas: _containers.RepeatedCompositeFieldContainer[KeypointSchema]
    errors_mm: _containers.ScalarMap[str, float]
    error_radii_mm: _containers.RepeatedScalarFieldContainer[float]
    hidden_error_radii_mm: _containers.RepeatedScalarFieldContainer[float]
    error_radii_level: float
    detector: _common_pb2.Model
    most_poses: int
    most_pixels: int
    most_message_bytes: int
    def __init__(self, model: _Optional[_Union[_common_pb2.Model, _Mapping]] = ..., joint_names: _Optional[_Iterable[str]] = ..., schemas: _Optional[_Iterable[_Union[KeypointSchema, _Mapping]]] = ..., errors_mm: _Optional[_Mapping[str, float]] = ..., error_radii_mm: _Optional[_Iterable[float]] = ..., hidden_error_radii_mm: _Optional[_Iterable[float]] = ..., error_radii_level: _Optional[float] = ..., detector: _Optional[_Union[_common_pb2.Model, _Mapping]] = ..., most_poses: _Optional[int] = ..., most_pixels: _Optional[int] = ..., most_message_bytes: _Optional[int] = ...) -> None: ...

class KeypointSchema(_message.Message):
    __slots__ = ("name", "points", "approximated")
    NAME_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    APPROXIMATED_FIELD_NUMBER: _ClassVar[int]
    name: str
    points: _containers.RepeatedScalarFieldContainer[str]
    approximated: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., points: _Optional[_Iterable[str]] = ..., approximated: _Optional[_Iterable[str]] = ...) -> None: ...

class RefreshModelRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RefreshModelResponse(_message.Message):
    __slots__ = ("model", "changed")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    model: _common_pb2.Model
    changed: bool
    def __init__(self, model: _Optional[_Union[_common_pb2.Model, _Mapping]] = ..., changed: _Optional[bool] = ...) -> None: ...
