"""A self-hosted payments backend for Toss Payments."""

from typing import Final

__version__: Final = "0.1.0"
