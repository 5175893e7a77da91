"""The table of backend types: one line each."""
