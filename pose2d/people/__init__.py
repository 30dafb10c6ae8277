"""People of pictures and of videos: each once, who is who, which side is which, how they move."""
