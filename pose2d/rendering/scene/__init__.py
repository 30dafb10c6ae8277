"""What a picture shows besides bodies: things, ground, walls, light, the camera's own flaws."""
