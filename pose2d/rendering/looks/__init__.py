"""How a drawn person looks: build, skin, hair, face and clothes."""
