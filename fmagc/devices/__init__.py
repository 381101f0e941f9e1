"""Where arithmetic runs: the device of one process, and the process group."""
