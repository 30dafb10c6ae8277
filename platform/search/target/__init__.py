"""What a search towards keypoints holds, and what its trainings are given."""
