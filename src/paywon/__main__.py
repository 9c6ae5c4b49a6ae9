"""``python -m paywon``."""

from paywon.cli import app

if __name__ == "__main__":
    app()
