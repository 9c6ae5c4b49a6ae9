"""The crash proof: processes die and connections break at every message; afterwards the books are right."""
