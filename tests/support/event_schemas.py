"""The JSON Schema of all events as one file. ``python -m tests.support.event_schemas`` writes the published copy."""

import json
from pathlib import Path

from paywon.events.schemas import schema_of_all

COPY = Path(__file__).parents[2] / "docs" / "event-schemas.json"


def document() -> str:
    """Write the schema as it is published."""
    return json.dumps(schema_of_all(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    COPY.write_text(document(), encoding="utf-8")
    print(f"{COPY.name} written")  # noqa: T201
