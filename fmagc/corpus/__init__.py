"""The corpus, FMA's or your own: tables, files, selection and splits."""
