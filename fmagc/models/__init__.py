"""The networks: encoders of one view, heads over time, the models that are made of them, and their registry."""
