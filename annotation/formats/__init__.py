"""Annotations as files: COCO, Human3.6M, 3DPW, pose tables."""
