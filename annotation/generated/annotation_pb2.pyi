from evoskeleton.annotation.generated import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STATE_UNSPECIFIED: _ClassVar[State]
    STATE_NEW: _ClassVar[State]
    STATE_DRAFT: _ClassVar[State]
    STATE_SUBMITTED: _ClassVar[State]
    STATE_ACCEPTED: _ClassVar[State]
    STATE_REJECTED: _ClassVar[State]

class Action(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACTION_UNSPECIFIED: _ClassVar[Action]
    ACTION_DRAFT: _ClassVar[Action]
    ACTION_SUBMIT: _ClassVar[Action]
    ACTION_UNDO: _ClassVar[Action]
    ACTION_ACCEPT: _ClassVar[Action]
    ACTION_REJECT: _ClassVar[Action]
    ACTION_IMPORT: _ClassVar[Action]

class Format(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FORMAT_UNSPECIFIED: _ClassVar[Format]
    FORMAT_COCO: _ClassVar[Format]
    FORMAT_HUMAN36M: _ClassVar[Format]
    FORMAT_U3DPW: _ClassVar[Format]
STATE_UNSPECIFIED: State
STATE_NEW: State
STATE_DRAFT: State
STATE_SUBMITTED: State
STATE_ACCEPTED: State
STATE_REJECTED: State
ACTION_UNSPECIFIED: Action
ACTION_DRAFT: Action
ACTION_SUBMIT: Action
ACTION_UNDO: Action
ACTION_ACCEPT: Action
ACTION_REJECT: Action
ACTION_IMPORT: Action
FORMAT_UNSPECIFIED: Format
FORMAT_COCO: Format
FORMAT_HUMAN36M: Format
FORMAT_U3DPW: Format

class Project(_message.Message):
    __slots__ = ("id", "name", "keypoints", "created")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    KEYPOINTS_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    keypoints: str
    created: float
    def __init__(self, id: _Optional[int] = ..., name: _Optional[str] = ..., keypoints: _Optional[str] = ..., created: _Optional[float] = ...) -> None: ...

class Image(_message.Message):
    __slots__ = ("id", "project_id", "name", "sha256", "width", "height", "revision", "state", "holder", "held_until")
    ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    HELD_UNTIL_FIELD_NUMBER: _ClassVar[int]
    id: int
    project_id: int
    name: str
    sha256: str
    width: int
    height: int
    revision: int
    state: State
    holder: str
    held_until: float
    def __init__(self, id: _Optional[int] = ..., project_id: _Optional[int] = ..., name: _Optional[str] = ..., sha256: _Optional[str] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., revision: _Optional[int] = ..., state: _Optional[_Union[State, str]] = ..., holder: _Optional[str] = ..., held_until: _Optional[float] = ...) -> None: ...

class AnnotatedPerson(_message.Message):
    __slots__ = ("id", "keypoints", "visibility", "box", "joints", "camera_pitch_deg", "body_height_mm", "coco_id", "coco_area", "coco_iscrowd")
    ID_FIELD_NUMBER: _ClassVar[int]
    KEYPOINTS_FIELD_NUMBER: _ClassVar[int]
    VISIBILITY_FIELD_NUMBER: _ClassVar[int]
    BOX_FIELD_NUMBER: _ClassVar[int]
    JOINTS_FIELD_NUMBER: _ClassVar[int]
    CAMERA_PITCH_DEG_FIELD_NUMBER: _ClassVar[int]
    BODY_HEIGHT_MM_FIELD_NUMBER: _ClassVar[int]
    COCO_ID_FIELD_NUMBER: _ClassVar[int]
    COCO_AREA_FIELD_NUMBER: _ClassVar[int]
    COCO_ISCROWD_FIELD_NUMBER: _ClassVar[int]
    id: int
    keypoints: _containers.RepeatedScalarFieldContainer[float]
    visibility: _containers.RepeatedScalarFieldContainer[int]
    box: _common_pb2.Box
    joints: _containers.RepeatedScalarFieldContainer[float]
    camera_pitch_deg: float
    body_height_mm: float
    coco_id: int
    coco_area: float
    coco_iscrowd: int
    def __init__(self, id: _Optional[int] = ..., keypoints: _Optional[_Iterable[float]] = ..., visibility: _Optional[_Iterable[int]] = ..., box: _Optional[_Union[_common_pb2.Box, _Mapping]] = ..., joints: _Optional[_Iterable[float]] = ..., camera_pitch_deg: _Optional[float] = ..., body_height_mm: _Optional[float] = ..., coco_id: _Optional[int] = ..., coco_area: _Optional[float] = ..., coco_iscrowd: _Optional[int] = ...) -> None: ...

class Revision(_message.Message):
    __slots__ = ("image_id", "number", "action", "state", "former", "annotator", "note", "people", "created")
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    FORMER_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    PEOPLE_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    image_id: int
    number: int
    action: Action
    state: State
    former: int
    annotator: str
    note: str
    people: _containers.RepeatedCompositeFieldContainer[AnnotatedPerson]
    created: float
    def __init__(self, image_id: _Optional[int] = ..., number: _Optional[int] = ..., action: _Optional[_Union[Action, str]] = ..., state: _Optional[_Union[State, str]] = ..., former: _Optional[int] = ..., annotator: _Optional[str] = ..., note: _Optional[str] = ..., people: _Optional[_Iterable[_Union[AnnotatedPerson, _Mapping]]] = ..., created: _Optional[float] = ...) -> None: ...

class Skip(_message.Message):
    __slots__ = ("annotator", "reason", "created")
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    annotator: str
    reason: str
    created: float
    def __init__(self, annotator: _Optional[str] = ..., reason: _Optional[str] = ..., created: _Optional[float] = ...) -> None: ...

class MakeProjectRequest(_message.Message):
    __slots__ = ("name", "keypoints")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KEYPOINTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    keypoints: str
    def __init__(self, name: _Optional[str] = ..., keypoints: _Optional[str] = ...) -> None: ...

class ListProjectsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListProjectsResponse(_message.Message):
    __slots__ = ("projects",)
    PROJECTS_FIELD_NUMBER: _ClassVar[int]
    projects: _containers.RepeatedCompositeFieldContainer[Project]
    def __init__(self, projects: _Optional[_Iterable[_Union[Project, _Mapping]]] = ...) -> None: ...

class UploadImageRequest(_message.Message):
    __slots__ = ("project_id", "name", "image")
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    project_id: int
    name: str
    image: bytes
    def __init__(self, project_id: _Optional[int] = ..., name: _Optional[str] = ..., image: _Optional[bytes] = ...) -> None: ...

class ListImagesRequest(_message.Message):
    __slots__ = ("project_id", "state", "after", "most")
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    MOST_FIELD_NUMBER: _ClassVar[int]
    project_id: int
    state: State
    after: int
    most: int
    def __init__(self, project_id: _Optional[int] = ..., state: _Optional[_Union[State, str]] = ..., after: _Optional[int] = ..., most: _Optional[int] = ...) -> None: ...

class ListImagesResponse(_message.Message):
    __slots__ = ("images",)
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    images: _containers.RepeatedCompositeFieldContainer[Image]
    def __init__(self, images: _Optional[_Iterable[_Union[Image, _Mapping]]] = ...) -> None: ...

class GetImageRequest(_message.Message):
    __slots__ = ("image_id",)
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    image_id: int
    def __init__(self, image_id: _Optional[int] = ...) -> None: ...

class GetImageResponse(_message.Message):
    __slots__ = ("image", "content")
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    image: Image
    content: bytes
    def __init__(self, image: _Optional[_Union[Image, _Mapping]] = ..., content: _Optional[bytes] = ...) -> None: ...

class LeaseImageRequest(_message.Message):
    __slots__ = ("project_id", "annotator", "seconds")
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    project_id: int
    annotator: str
    seconds: float
    def __init__(self, project_id: _Optional[int] = ..., annotator: _Optional[str] = ..., seconds: _Optional[float] = ...) -> None: ...

class LeaseImageResponse(_message.Message):
    __slots__ = ("image",)
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    image: Image
    def __init__(self, image: _Optional[_Union[Image, _Mapping]] = ...) -> None: ...

class RenewLeaseRequest(_message.Message):
    __slots__ = ("image_id", "annotator", "seconds")
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    image_id: int
    annotator: str
    seconds: float
    def __init__(self, image_id: _Optional[int] = ..., annotator: _Optional[str] = ..., seconds: _Optional[float] = ...) -> None: ...

class ReleaseImageRequest(_message.Message):
    __slots__ = ("image_id", "annotator")
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    image_id: int
    annotator: str
    def __init__(self, image_id: _Optional[int] = ..., annotator: _Optional[str] = ...) -> None: ...

class SkipImageRequest(_message.Message):
    __slots__ = ("image_id", "annotator", "reason")
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    image_id: int
    annotator: str
    reason: str
    def __init__(self, image_id: _Optional[int] = ..., annotator: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class GetAnnotationRequest(_message.Message):
    __slots__ = ("image_id", "number")
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    image_id: int
    number: int
    def __init__(self, image_id: _Optional[int] = ..., number: _Optional[int] = ...) -> None: ...

class GetHistoryRequest(_message.Message):
    __slots__ = ("image_id", "after", "most")
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    MOST_FIELD_NUMBER: _ClassVar[int]
    image_id: int
    after: int
    most: int
    def __init__(self, image_id: _Optional[int] = ..., after: _Optional[int] = ..., most: _Optional[int] = ...) -> None: ...

class GetHistoryResponse(_message.Message):
    __slots__ = ("revisions", "skips")
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    SKIPS_FIELD_NUMBER: _ClassVar[int]
    revisions: _containers.RepeatedCompositeFieldContainer[Revision]
    skips: _containers.RepeatedCompositeFieldContainer[Skip]
    def __init__(self, revisions: _Optional[_Iterable[_Union[Revision, _Mapping]]] = ..., skips: _Optional[_Iterable[_Union[Skip, _Mapping]]] = ...) -> None: ...

class SuggestRequest(_message.Message):
    __slots__ = ("image_id", "boxes")
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    BOXES_FIELD_NUMBER: _ClassVar[int]
    image_id: int
    boxes: _containers.RepeatedCompositeFieldContainer[_common_pb2.Box]
    def __init__(self, image_id: _Optional[int] = ..., boxes: _Optional[_Iterable[_Union[_common_pb2.Box, _Mapping]]] = ...) -> None: ...

class SuggestResponse(_message.Message):
    __slots__ = ("people", "detector", "model")
    PEOPLE_FIELD_NUMBER: _ClassVar[int]
    DETECTOR_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    people: _containers.RepeatedCompositeFieldContainer[SuggestedPerson]
    detector: _common_pb2.Model
    model: _common_pb2.Model
    def __init__(self, people: _Optional[_Iterable[_Union[SuggestedPerson, _Mapping]]] = ..., detector: _Optional[_Union[_common_pb2.Model, _Mapping]] = ..., model: _Optional[_Union[_common_pb2.Model, _Mapping]] = ...) -> None: ...

class SuggestedPerson(_message.Message):
    __slots__ = ("person", "lifted", "bodies")
    PERSON_FIELD_NUMBER: _ClassVar[int]
    LIFTED_FIELD_NUMBER: _ClassVar[int]
    BODIES_FIELD_NUMBER: _ClassVar[int]
    person: AnnotatedPerson
    lifted: _containers.RepeatedScalarFieldContainer[float]
    bodies: _containers.RepeatedCompositeFieldContainer[FittedBody]
    def __init__(self, person: _Optional[_Union[AnnotatedPerson, _Mapping]] = ..., lifted: _Optional[_Iterable[float]] = ..., bodies: _Optional[_Iterable[_Union[FittedBody, _Mapping]]] = ...) -> None: ...

class FittedBody(_message.Message):
    __slots__ = ("joints", "cost", "reprojection_px")
    JOINTS_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    REPROJECTION_PX_FIELD_NUMBER: _ClassVar[int]
    joints: _containers.RepeatedScalarFieldContainer[float]
    cost: float
    reprojection_px: float
    def __init__(self, joints: _Optional[_Iterable[float]] = ..., cost: _Optional[float] = ..., reprojection_px: _Optional[float] = ...) -> None: ...

class SubmitRequest(_message.Message):
    __slots__ = ("image_id", "annotator", "based_on", "key", "people", "draft", "note")
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    BASED_ON_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    PEOPLE_FIELD_NUMBER: _ClassVar[int]
    DRAFT_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    image_id: int
    annotator: str
    based_on: int
    key: str
    people: _containers.RepeatedCompositeFieldContainer[AnnotatedPerson]
    draft: bool
    note: str
    def __init__(self, image_id: _Optional[int] = ..., annotator: _Optional[str] = ..., based_on: _Optional[int] = ..., key: _Optional[str] = ..., people: _Optional[_Iterable[_Union[AnnotatedPerson, _Mapping]]] = ..., draft: _Optional[bool] = ..., note: _Optional[str] = ...) -> None: ...

class UndoRequest(_message.Message):
    __slots__ = ("image_id", "annotator", "based_on", "key", "note")
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    BASED_ON_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    image_id: int
    annotator: str
    based_on: int
    key: str
    note: str
    def __init__(self, image_id: _Optional[int] = ..., annotator: _Optional[str] = ..., based_on: _Optional[int] = ..., key: _Optional[str] = ..., note: _Optional[str] = ...) -> None: ...

class ReviewRequest(_message.Message):
    __slots__ = ("image_id", "annotator", "based_on", "key", "accept", "note")
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    BASED_ON_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    ACCEPT_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    image_id: int
    annotator: str
    based_on: int
    key: str
    accept: bool
    note: str
    def __init__(self, image_id: _Optional[int] = ..., annotator: _Optional[str] = ..., based_on: _Optional[int] = ..., key: _Optional[str] = ..., accept: _Optional[bool] = ..., note: _Optional[str] = ...) -> None: ...

class ImportCocoRequest(_message.Message):
    __slots__ = ("project_id", "annotator", "key", "coco")
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    COCO_FIELD_NUMBER: _ClassVar[int]
    project_id: int
    annotator: str
    key: str
    coco: bytes
    def __init__(self, project_id: _Optional[int] = ..., annotator: _Optional[str] = ..., key: _Optional[str] = ..., coco: _Optional[bytes] = ...) -> None: ...

class ImportCocoResponse(_message.Message):
    __slots__ = ("images", "people")
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    PEOPLE_FIELD_NUMBER: _ClassVar[int]
    images: int
    people: int
    def __init__(self, images: _Optional[int] = ..., people: _Optional[int] = ...) -> None: ...

class ExportRequest(_message.Message):
    __slots__ = ("project_id", "format", "states")
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    project_id: int
    format: Format
    states: _containers.RepeatedScalarFieldContainer[State]
    def __init__(self, project_id: _Optional[int] = ..., format: _Optional[_Union[Format, str]] = ..., states: _Optional[_Iterable[_Union[State, str]]] = ...) -> None: ...

class ExportResponse(_message.Message):
    __slots__ = ("file", "images", "people")
    FILE_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    PEOPLE_FIELD_NUMBER: _ClassVar[int]
    file: bytes
    images: int
    people: int
    def __init__(self, file: _Optional[bytes] = ..., images: _Optional[int] = ..., people: _Optional[int] = ...) -> None: ...
