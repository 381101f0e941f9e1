"""The subcommands of `fmagc`, a module each."""
