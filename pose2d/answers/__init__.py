"""What is answered of photos and videos: plain words, files, drawings."""
