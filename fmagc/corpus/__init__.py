"""The corpus: FMA's or your own tables and files, selection and splits."""
