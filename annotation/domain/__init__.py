"""What is annotated, in the words of annotators: records, people, keypoint schemas."""
