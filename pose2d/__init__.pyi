from .detector import Detector as Detector
from .detector import Person as Person
from .estimation import infer as infer
from .images import read_image as read_image
from .videos import read_video as read_video

__all__ = ["Detector", "Person", "infer", "read_image", "read_video"]
