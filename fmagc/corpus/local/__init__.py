"""Read datasets of your own: a folder for each genre, or a table of tracks."""
