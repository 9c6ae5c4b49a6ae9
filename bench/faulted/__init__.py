"""The parts of ``script/load``: what is played, by whom, in what world, and how the books are compared."""
