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

class Origin(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ORIGIN_UNSPECIFIED: _ClassVar[Origin]
    ORIGIN_SUGGESTED: _ClassVar[Origin]
    ORIGIN_TOUCHED: _ClassVar[Origin]
    ORIGIN_CONFIRMED: _ClassVar[Origin]

class Order(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ORDER_UNSPECIFIED: _ClassVar[Order]
    ORDER_NUMBER_DOWN: _ClassVar[Order]
    ORDER_NAME: _ClassVar[Order]
    ORDER_NAME_DOWN: _ClassVar[Order]
    ORDER_CHANGED: _ClassVar[Order]
    ORDER_CHANGED_DOWN: _ClassVar[Order]

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
ORIGIN_UNSPECIFIED: Origin
ORIGIN_SUGGESTED: Origin
ORIGIN_TOUCHED: Origin
ORIGIN_CONFIRMED: Origin
ORDER_UNSPECIFIED: Order
ORDER_NUMBER_DOWN: Order
ORDER_NAME: Order
ORDER_NAME_DOWN: Order
ORDER_CHANGED: Order
ORDER_CHANGED_DOWN: Order
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
    __slots__ = ("id", "project_id", "name", "sha256", "width", "height", "revision", "state", "holder", "held_until", "assignee", "annotator", "changed", "open_comments", "actions", "seconds")
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
    ASSIGNEE_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    OPEN_COMMENTS_FIELD_NUMBER: _ClassVar[int]
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
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
    assignee: str
    annotator: str
    changed: float
    open_comments: int
    actions: int
    seconds: float
    def __init__(self, id: _Optional[int] = ..., project_id: _Optional[int] = ..., name: _Optional[str] = ..., sha256: _Optional[str] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., revision: _Optional[int] = ..., state: _Optional[_Union[State, str]] = ..., holder: _Optional[str] = ..., held_until: _Optional[float] = ..., assignee: _Optional[str] = ..., annotator: _Optional[str] = ..., changed: _Optional[float] = ..., open_comments: _Optional[int] = ..., actions: _Optional[int] = ..., seconds: _Optional[float] = ...) -> None: ...

class AnnotatedPerson(_message.Message):
    __slots__ = ("id", "keypoints", "visibility", "box", "joints", "camera_pitch_deg", "body_height_mm", "coco_id", "coco_area", "coco_iscrowd", "origin", "joint_origin", "confidence", "error_radii_mm", "coco_segmentation")
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
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    JOINT_ORIGIN_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    ERROR_RADII_MM_FIELD_NUMBER: _ClassVar[int]
    COCO_SEGMENTATION_FIELD_NUMBER: _ClassVar[int]
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
    origin: _containers.RepeatedScalarFieldContainer[Origin]
    joint_origin: _containers.RepeatedScalarFieldContainer[Origin]
    confidence: _containers.RepeatedScalarFieldContainer[float]
    error_radii_mm: _containers.RepeatedScalarFieldContainer[float]
    coco_segmentation: str
    def __init__(self, id: _Optional[int] = ..., keypoints: _Optional[_Iterable[float]] = ..., visibility: _Optional[_Iterable[int]] = ..., box: _Optional[_Union[_common_pb2.Box, _Mapping]] = ..., joints: _Optional[_Iterable[float]] = ..., camera_pitch_deg: _Optional[float] = ..., body_height_mm: _Optional[float] = ..., coco_id: _Optional[int] = ..., coco_area: _Optional[float] = ..., coco_iscrowd: _Optional[int] = ..., origin: _Optional[_Iterable[_Union[Origin, str]]] = ..., joint_origin: _Optional[_Iterable[_Union[Origin, str]]] = ..., confidence: _Optional[_Iterable[float]] = ..., error_radii_mm: _Optional[_Iterable[float]] = ..., coco_segmentation: _Optional[str] = ...) -> None: ...

class Revision(_message.Message):
    __slots__ = ("image_id", "number", "action", "state", "former", "annotator", "note", "people", "created", "actions", "seconds")
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    FORMER_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    PEOPLE_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    image_id: int
    number: int
    action: Action
    state: State
    former: int
    annotator: str
    note: str
    people: _containers.RepeatedCompositeFieldContainer[AnnotatedPerson]
    created: float
    actions: int
    seconds: float
    def __init__(self, image_id: _Optional[int] = ..., number: _Optional[int] = ..., action: _Optional[_Union[Action, str]] = ..., state: _Optional[_Union[State, str]] = ..., former: _Optional[int] = ..., annotator: _Optional[str] = ..., note: _Optional[str] = ..., people: _Optional[_Iterable[_Union[AnnotatedPerson, _Mapping]]] = ..., created: _Optional[float] = ..., actions: _Optional[int] = ..., seconds: _Optional[float] = ...) -> None: ...

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
    __slots__ = ("counts",)
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    counts: bool
    def __init__(self, counts: _Optional[bool] = ...) -> None: ...

class ListProjectsResponse(_message.Message):
    __slots__ = ("projects", "counts")
    PROJECTS_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    projects: _containers.RepeatedCompositeFieldContainer[Project]
    counts: _containers.RepeatedCompositeFieldContainer[ProjectCounts]
    def __init__(self, projects: _Optional[_Iterable[_Union[Project, _Mapping]]] = ..., counts: _Optional[_Iterable[_Union[ProjectCounts, _Mapping]]] = ...) -> None: ...

class WhoAmIRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WhoAmIResponse(_message.Message):
    __slots__ = ("name", "scopes", "tokens", "expires", "detector", "model", "most_pixels", "most_message_bytes", "annotations", "version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SCOPES_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    DETECTOR_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MOST_PIXELS_FIELD_NUMBER: _ClassVar[int]
    MOST_MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    ANNOTATIONS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    scopes: _containers.RepeatedScalarFieldContainer[str]
    tokens: bool
    expires: float
    detector: _common_pb2.Model
    model: _common_pb2.Model
    most_pixels: int
    most_message_bytes: int
    annotations: bool
    version: str
    def __init__(self, name: _Optional[str] = ..., scopes: _Optional[_Iterable[str]] = ..., tokens: _Optional[bool] = ..., expires: _Optional[float] = ..., detector: _Optional[_Union[_common_pb2.Model, _Mapping]] = ..., model: _Optional[_Union[_common_pb2.Model, _Mapping]] = ..., most_pixels: _Optional[int] = ..., most_message_bytes: _Optional[int] = ..., annotations: _Optional[bool] = ..., version: _Optional[str] = ...) -> None: ...

class GetProjectRequest(_message.Message):
    __slots__ = ("project_id",)
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    project_id: int
    def __init__(self, project_id: _Optional[int] = ...) -> None: ...

class GetProjectResponse(_message.Message):
    __slots__ = ("project", "counts", "schema")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    project: Project
    counts: ProjectCounts
    schema: SchemaData
    def __init__(self, project: _Optional[_Union[Project, _Mapping]] = ..., counts: _Optional[_Union[ProjectCounts, _Mapping]] = ..., schema: _Optional[_Union[SchemaData, _Mapping]] = ...) -> None: ...

class ProjectCounts(_message.Message):
    __slots__ = ("project_id", "images", "states", "annotators", "held", "open_comments")
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    ANNOTATORS_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    OPEN_COMMENTS_FIELD_NUMBER: _ClassVar[int]
    project_id: int
    images: int
    states: _containers.RepeatedCompositeFieldContainer[StateCount]
    annotators: _containers.RepeatedCompositeFieldContainer[AnnotatorCount]
    held: int
    open_comments: int
    def __init__(self, project_id: _Optional[int] = ..., images: _Optional[int] = ..., states: _Optional[_Iterable[_Union[StateCount, _Mapping]]] = ..., annotators: _Optional[_Iterable[_Union[AnnotatorCount, _Mapping]]] = ..., held: _Optional[int] = ..., open_comments: _Optional[int] = ...) -> None: ...

class StateCount(_message.Message):
    __slots__ = ("state", "images")
    STATE_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    state: State
    images: int
    def __init__(self, state: _Optional[_Union[State, str]] = ..., images: _Optional[int] = ...) -> None: ...

class AnnotatorCount(_message.Message):
    __slots__ = ("annotator", "states", "actions", "seconds", "held", "assigned")
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    ASSIGNED_FIELD_NUMBER: _ClassVar[int]
    annotator: str
    states: _containers.RepeatedCompositeFieldContainer[StateCount]
    actions: int
    seconds: float
    held: int
    assigned: int
    def __init__(self, annotator: _Optional[str] = ..., states: _Optional[_Iterable[_Union[StateCount, _Mapping]]] = ..., actions: _Optional[int] = ..., seconds: _Optional[float] = ..., held: _Optional[int] = ..., assigned: _Optional[int] = ...) -> None: ...

class SchemaData(_message.Message):
    __slots__ = ("name", "points", "edges", "mirror", "weights", "joint_names", "bones", "joint_mirror", "bone_share", "bone_spread")
    NAME_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    MIRROR_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    JOINT_NAMES_FIELD_NUMBER: _ClassVar[int]
    BONES_FIELD_NUMBER: _ClassVar[int]
    JOINT_MIRROR_FIELD_NUMBER: _ClassVar[int]
    BONE_SHARE_FIELD_NUMBER: _ClassVar[int]
    BONE_SPREAD_FIELD_NUMBER: _ClassVar[int]
    name: str
    points: _containers.RepeatedScalarFieldContainer[str]
    edges: _containers.RepeatedScalarFieldContainer[int]
    mirror: _containers.RepeatedScalarFieldContainer[int]
    weights: _containers.RepeatedScalarFieldContainer[float]
    joint_names: _containers.RepeatedScalarFieldContainer[str]
    bones: _containers.RepeatedScalarFieldContainer[int]
    joint_mirror: _containers.RepeatedScalarFieldContainer[int]
    bone_share: _containers.RepeatedScalarFieldContainer[float]
    bone_spread: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, name: _Optional[str] = ..., points: _Optional[_Iterable[str]] = ..., edges: _Optional[_Iterable[int]] = ..., mirror: _Optional[_Iterable[int]] = ..., weights: _Optional[_Iterable[float]] = ..., joint_names: _Optional[_Iterable[str]] = ..., bones: _Optional[_Iterable[int]] = ..., joint_mirror: _Optional[_Iterable[int]] = ..., bone_share: _Optional[_Iterable[float]] = ..., bone_spread: _Optional[_Iterable[float]] = ...) -> None: ...

class RenameProjectRequest(_message.Message):
    __slots__ = ("project_id", "name")
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    project_id: int
    name: str
    def __init__(self, project_id: _Optional[int] = ..., name: _Optional[str] = ...) -> None: ...

class DeleteProjectRequest(_message.Message):
    __slots__ = ("project_id", "name")
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    project_id: int
    name: str
    def __init__(self, project_id: _Optional[int] = ..., name: _Optional[str] = ...) -> None: ...

class DeleteResponse(_message.Message):
    __slots__ = ("images", "files")
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    images: int
    files: int
    def __init__(self, images: _Optional[int] = ..., files: _Optional[int] = ...) -> None: ...

class RenameImageRequest(_message.Message):
    __slots__ = ("image_id", "name")
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    image_id: int
    name: str
    def __init__(self, image_id: _Optional[int] = ..., name: _Optional[str] = ...) -> None: ...

class DeleteImageRequest(_message.Message):
    __slots__ = ("image_id", "annotator")
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    image_id: int
    annotator: str
    def __init__(self, image_id: _Optional[int] = ..., annotator: _Optional[str] = ...) -> None: ...

class AssignImagesRequest(_message.Message):
    __slots__ = ("image_ids", "assignee")
    IMAGE_IDS_FIELD_NUMBER: _ClassVar[int]
    ASSIGNEE_FIELD_NUMBER: _ClassVar[int]
    image_ids: _containers.RepeatedScalarFieldContainer[int]
    assignee: str
    def __init__(self, image_ids: _Optional[_Iterable[int]] = ..., assignee: _Optional[str] = ...) -> None: ...

class AssignImagesResponse(_message.Message):
    __slots__ = ("images",)
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    images: _containers.RepeatedCompositeFieldContainer[Image]
    def __init__(self, images: _Optional[_Iterable[_Union[Image, _Mapping]]] = ...) -> None: ...

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
    __slots__ = ("project_id", "state", "after", "most", "search", "holder", "assignee", "annotator", "skipped_by", "commented", "order", "offset")
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    MOST_FIELD_NUMBER: _ClassVar[int]
    SEARCH_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    ASSIGNEE_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_BY_FIELD_NUMBER: _ClassVar[int]
    COMMENTED_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    project_id: int
    state: State
    after: int
    most: int
    search: str
    holder: str
    assignee: str
    annotator: str
    skipped_by: str
    commented: bool
    order: Order
    offset: int
    def __init__(self, project_id: _Optional[int] = ..., state: _Optional[_Union[State, str]] = ..., after: _Optional[int] = ..., most: _Optional[int] = ..., search: _Optional[str] = ..., holder: _Optional[str] = ..., assignee: _Optional[str] = ..., annotator: _Optional[str] = ..., skipped_by: _Optional[str] = ..., commented: _Optional[bool] = ..., order: _Optional[_Union[Order, str]] = ..., offset: _Optional[int] = ...) -> None: ...

class ListImagesResponse(_message.Message):
    __slots__ = ("images", "total")
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    images: _containers.RepeatedCompositeFieldContainer[Image]
    total: int
    def __init__(self, images: _Optional[_Iterable[_Union[Image, _Mapping]]] = ..., total: _Optional[int] = ...) -> None: ...

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
    __slots__ = ("project_id", "annotator", "seconds", "count")
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    project_id: int
    annotator: str
    seconds: float
    count: int
    def __init__(self, project_id: _Optional[int] = ..., annotator: _Optional[str] = ..., seconds: _Optional[float] = ..., count: _Optional[int] = ...) -> None: ...

class LeaseImageResponse(_message.Message):
    __slots__ = ("image", "images")
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    image: Image
    images: _containers.RepeatedCompositeFieldContainer[Image]
    def __init__(self, image: _Optional[_Union[Image, _Mapping]] = ..., images: _Optional[_Iterable[_Union[Image, _Mapping]]] = ...) -> None: ...

class LeaseForReviewRequest(_message.Message):
    __slots__ = ("project_id", "annotator", "seconds", "count")
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    project_id: int
    annotator: str
    seconds: float
    count: int
    def __init__(self, project_id: _Optional[int] = ..., annotator: _Optional[str] = ..., seconds: _Optional[float] = ..., count: _Optional[int] = ...) -> None: ...

class LeaseForReviewResponse(_message.Message):
    __slots__ = ("images",)
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    images: _containers.RepeatedCompositeFieldContainer[Image]
    def __init__(self, images: _Optional[_Iterable[_Union[Image, _Mapping]]] = ...) -> None: ...

class UnskipImageRequest(_message.Message):
    __slots__ = ("image_id", "annotator")
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    image_id: int
    annotator: str
    def __init__(self, image_id: _Optional[int] = ..., annotator: _Optional[str] = ...) -> None: ...

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
    __slots__ = ("image_id", "boxes", "again")
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    BOXES_FIELD_NUMBER: _ClassVar[int]
    AGAIN_FIELD_NUMBER: _ClassVar[int]
    image_id: int
    boxes: _containers.RepeatedCompositeFieldContainer[_common_pb2.Box]
    again: bool
    def __init__(self, image_id: _Optional[int] = ..., boxes: _Optional[_Iterable[_Union[_common_pb2.Box, _Mapping]]] = ..., again: _Optional[bool] = ...) -> None: ...

class SuggestResponse(_message.Message):
    __slots__ = ("people", "detector", "model", "focal_px", "kept")
    PEOPLE_FIELD_NUMBER: _ClassVar[int]
    DETECTOR_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    FOCAL_PX_FIELD_NUMBER: _ClassVar[int]
    KEPT_FIELD_NUMBER: _ClassVar[int]
    people: _containers.RepeatedCompositeFieldContainer[SuggestedPerson]
    detector: _common_pb2.Model
    model: _common_pb2.Model
    focal_px: float
    kept: bool
    def __init__(self, people: _Optional[_Iterable[_Union[SuggestedPerson, _Mapping]]] = ..., detector: _Optional[_Union[_common_pb2.Model, _Mapping]] = ..., model: _Optional[_Union[_common_pb2.Model, _Mapping]] = ..., focal_px: _Optional[float] = ..., kept: _Optional[bool] = ...) -> None: ...

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
    __slots__ = ("joints", "cost", "reprojection_px", "root", "bone_sigma", "limit_margin_deg", "flips", "converged")
    JOINTS_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    REPROJECTION_PX_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    BONE_SIGMA_FIELD_NUMBER: _ClassVar[int]
    LIMIT_MARGIN_DEG_FIELD_NUMBER: _ClassVar[int]
    FLIPS_FIELD_NUMBER: _ClassVar[int]
    CONVERGED_FIELD_NUMBER: _ClassVar[int]
    joints: _containers.RepeatedScalarFieldContainer[float]
    cost: float
    reprojection_px: float
    root: _containers.RepeatedScalarFieldContainer[float]
    bone_sigma: _containers.RepeatedScalarFieldContainer[float]
    limit_margin_deg: _containers.RepeatedScalarFieldContainer[float]
    flips: _containers.RepeatedScalarFieldContainer[bool]
    converged: bool
    def __init__(self, joints: _Optional[_Iterable[float]] = ..., cost: _Optional[float] = ..., reprojection_px: _Optional[float] = ..., root: _Optional[_Iterable[float]] = ..., bone_sigma: _Optional[_Iterable[float]] = ..., limit_margin_deg: _Optional[_Iterable[float]] = ..., flips: _Optional[_Iterable[bool]] = ..., converged: _Optional[bool] = ...) -> None: ...

class RefitBodyRequest(_message.Message):
    __slots__ = ("image_id", "width", "height", "schema", "keypoints", "visibility", "body_height_mm", "start", "depth_order", "most", "focal_px")
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    KEYPOINTS_FIELD_NUMBER: _ClassVar[int]
    VISIBILITY_FIELD_NUMBER: _ClassVar[int]
    BODY_HEIGHT_MM_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    DEPTH_ORDER_FIELD_NUMBER: _ClassVar[int]
    MOST_FIELD_NUMBER: _ClassVar[int]
    FOCAL_PX_FIELD_NUMBER: _ClassVar[int]
    image_id: int
    width: int
    height: int
    schema: str
    keypoints: _containers.RepeatedScalarFieldContainer[float]
    visibility: _containers.RepeatedScalarFieldContainer[int]
    body_height_mm: float
    start: _containers.RepeatedScalarFieldContainer[float]
    depth_order: _containers.RepeatedScalarFieldContainer[int]
    most: int
    focal_px: float
    def __init__(self, image_id: _Optional[int] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., schema: _Optional[str] = ..., keypoints: _Optional[_Iterable[float]] = ..., visibility: _Optional[_Iterable[int]] = ..., body_height_mm: _Optional[float] = ..., start: _Optional[_Iterable[float]] = ..., depth_order: _Optional[_Iterable[int]] = ..., most: _Optional[int] = ..., focal_px: _Optional[float] = ...) -> None: ...

class RefitBodyResponse(_message.Message):
    __slots__ = ("bodies", "focal_px", "body_height_mm", "model")
    BODIES_FIELD_NUMBER: _ClassVar[int]
    FOCAL_PX_FIELD_NUMBER: _ClassVar[int]
    BODY_HEIGHT_MM_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    bodies: _containers.RepeatedCompositeFieldContainer[FittedBody]
    focal_px: float
    body_height_mm: float
    model: _common_pb2.Model
    def __init__(self, bodies: _Optional[_Iterable[_Union[FittedBody, _Mapping]]] = ..., focal_px: _Optional[float] = ..., body_height_mm: _Optional[float] = ..., model: _Optional[_Union[_common_pb2.Model, _Mapping]] = ...) -> None: ...

class CheckBodiesRequest(_message.Message):
    __slots__ = ("bodies",)
    BODIES_FIELD_NUMBER: _ClassVar[int]
    bodies: _containers.RepeatedCompositeFieldContainer[Body]
    def __init__(self, bodies: _Optional[_Iterable[_Union[Body, _Mapping]]] = ...) -> None: ...

class Body(_message.Message):
    __slots__ = ("joints", "body_height_mm")
    JOINTS_FIELD_NUMBER: _ClassVar[int]
    BODY_HEIGHT_MM_FIELD_NUMBER: _ClassVar[int]
    joints: _containers.RepeatedScalarFieldContainer[float]
    body_height_mm: float
    def __init__(self, joints: _Optional[_Iterable[float]] = ..., body_height_mm: _Optional[float] = ...) -> None: ...

class CheckBodiesResponse(_message.Message):
    __slots__ = ("bodies",)
    BODIES_FIELD_NUMBER: _ClassVar[int]
    bodies: _containers.RepeatedCompositeFieldContainer[BodyCheck]
    def __init__(self, bodies: _Optional[_Iterable[_Union[BodyCheck, _Mapping]]] = ...) -> None: ...

class BodyCheck(_message.Message):
    __slots__ = ("limit_margin_deg", "bone_sigma")
    LIMIT_MARGIN_DEG_FIELD_NUMBER: _ClassVar[int]
    BONE_SIGMA_FIELD_NUMBER: _ClassVar[int]
    limit_margin_deg: _containers.RepeatedScalarFieldContainer[float]
    bone_sigma: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, limit_margin_deg: _Optional[_Iterable[float]] = ..., bone_sigma: _Optional[_Iterable[float]] = ...) -> None: ...

class SubmitRequest(_message.Message):
    __slots__ = ("image_id", "annotator", "based_on", "key", "people", "draft", "note", "actions", "seconds")
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    BASED_ON_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    PEOPLE_FIELD_NUMBER: _ClassVar[int]
    DRAFT_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    image_id: int
    annotator: str
    based_on: int
    key: str
    people: _containers.RepeatedCompositeFieldContainer[AnnotatedPerson]
    draft: bool
    note: str
    actions: int
    seconds: float
    def __init__(self, image_id: _Optional[int] = ..., annotator: _Optional[str] = ..., based_on: _Optional[int] = ..., key: _Optional[str] = ..., people: _Optional[_Iterable[_Union[AnnotatedPerson, _Mapping]]] = ..., draft: _Optional[bool] = ..., note: _Optional[str] = ..., actions: _Optional[int] = ..., seconds: _Optional[float] = ...) -> None: ...

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

class ReviewManyRequest(_message.Message):
    __slots__ = ("annotator", "key", "accept", "note", "images")
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    ACCEPT_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    annotator: str
    key: str
    accept: bool
    note: str
    images: _containers.RepeatedCompositeFieldContainer[ReviewedImage]
    def __init__(self, annotator: _Optional[str] = ..., key: _Optional[str] = ..., accept: _Optional[bool] = ..., note: _Optional[str] = ..., images: _Optional[_Iterable[_Union[ReviewedImage, _Mapping]]] = ...) -> None: ...

class ReviewedImage(_message.Message):
    __slots__ = ("image_id", "based_on")
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    BASED_ON_FIELD_NUMBER: _ClassVar[int]
    image_id: int
    based_on: int
    def __init__(self, image_id: _Optional[int] = ..., based_on: _Optional[int] = ...) -> None: ...

class ReviewManyResponse(_message.Message):
    __slots__ = ("outcomes",)
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[ReviewOutcome]
    def __init__(self, outcomes: _Optional[_Iterable[_Union[ReviewOutcome, _Mapping]]] = ...) -> None: ...

class ReviewOutcome(_message.Message):
    __slots__ = ("image_id", "revision", "state", "reason", "problem")
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    image_id: int
    revision: int
    state: State
    reason: str
    problem: str
    def __init__(self, image_id: _Optional[int] = ..., revision: _Optional[int] = ..., state: _Optional[_Union[State, str]] = ..., reason: _Optional[str] = ..., problem: _Optional[str] = ...) -> None: ...

class Comment(_message.Message):
    __slots__ = ("id", "image_id", "annotator", "text", "created", "person_id", "x", "y", "resolved_by")
    ID_FIELD_NUMBER: _ClassVar[int]
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    PERSON_ID_FIELD_NUMBER: _ClassVar[int]
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    RESOLVED_BY_FIELD_NUMBER: _ClassVar[int]
    id: int
    image_id: int
    annotator: str
    text: str
    created: float
    person_id: int
    x: float
    y: float
    resolved_by: str
    def __init__(self, id: _Optional[int] = ..., image_id: _Optional[int] = ..., annotator: _Optional[str] = ..., text: _Optional[str] = ..., created: _Optional[float] = ..., person_id: _Optional[int] = ..., x: _Optional[float] = ..., y: _Optional[float] = ..., resolved_by: _Optional[str] = ...) -> None: ...

class AddCommentRequest(_message.Message):
    __slots__ = ("image_id", "annotator", "key", "text", "person_id", "x", "y")
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    PERSON_ID_FIELD_NUMBER: _ClassVar[int]
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    image_id: int
    annotator: str
    key: str
    text: str
    person_id: int
    x: float
    y: float
    def __init__(self, image_id: _Optional[int] = ..., annotator: _Optional[str] = ..., key: _Optional[str] = ..., text: _Optional[str] = ..., person_id: _Optional[int] = ..., x: _Optional[float] = ..., y: _Optional[float] = ...) -> None: ...

class ResolveCommentRequest(_message.Message):
    __slots__ = ("comment_id", "annotator", "open")
    COMMENT_ID_FIELD_NUMBER: _ClassVar[int]
    ANNOTATOR_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    comment_id: int
    annotator: str
    open: bool
    def __init__(self, comment_id: _Optional[int] = ..., annotator: _Optional[str] = ..., open: _Optional[bool] = ...) -> None: ...

class ListCommentsRequest(_message.Message):
    __slots__ = ("image_id", "after", "most")
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    MOST_FIELD_NUMBER: _ClassVar[int]
    image_id: int
    after: int
    most: int
    def __init__(self, image_id: _Optional[int] = ..., after: _Optional[int] = ..., most: _Optional[int] = ...) -> None: ...

class ListCommentsResponse(_message.Message):
    __slots__ = ("comments",)
    COMMENTS_FIELD_NUMBER: _ClassVar[int]
    comments: _containers.RepeatedCompositeFieldContainer[Comment]
    def __init__(self, comments: _Optional[_Iterable[_Union[Comment, _Mapping]]] = ...) -> None: ...

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
