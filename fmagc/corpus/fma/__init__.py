"""The Free Music Archive's dataset: tables, genres, archives, download."""
