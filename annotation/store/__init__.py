"""Projects, images, tasks and revisions in a database, pictures in files."""
