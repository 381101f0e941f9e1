"""Figures with matplotlib: arrays and tables in, a Figure out; nothing here reads a file of the project."""

import os

# A notebook exports its own backend to the commands that it starts; where that is no module of this environment,
# matplotlib refuses to be imported. Figures are only ever drawn into files.
os.environ["MPLBACKEND"] = "agg"
