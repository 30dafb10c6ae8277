"""What the command line shows: tables and bars for the terminal."""
