"""The commands of `mript`, one a module: what `mript NAME --flag=value` does."""
