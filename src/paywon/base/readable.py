"""Which signs a text that people read may have: none that is invisible, turns the line around, or means nothing. Pure.

Two texts that look alike have to be alike: an order's name on a receipt, a reason, the name of who decided something.
"""

import re
from typing import Final

# Control signs, line ends and Unicode's format signs; what the alphabet of nobody has; what is blank and no blank.
_BEYOND_FFFF: Final = "".join(
    f"{chr(first)}-{chr(last)}"
    for first, last in (
        (0x110BD, 0x110BD),
        (0x110CD, 0x110CD),
        (0x13430, 0x1345F),
        (0x1BCA0, 0x1BCAF),
        (0x1D173, 0x1D17A),
        (0xE0000, 0xE0FFF),  # tags and more variation selectors
    )
)
# Halves of pairs (U+D800 to U+DFFF) are not named: no text decoded from UTF-8 has them, and the regular expressions of
# other languages do not know them. Nor are the 131,072 private signs beyond U+FFFF: who makes up texts from these
# expressions to test the API (Schemathesis) would take minutes for each.
UNSEEN: Final = (
    r"\x00-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    r"\u200b-\u200c\u200e-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ue000-\uf8ff\ufdd0-\ufdef\ufe00-\ufe0d\ufeff"
    r"\uffa0\ufff0-\ufffb\ufffe\uffff" + _BEYOND_FFFF
)
# In an address there are no emoji to join or to shape.
UNSEEN_IN_ADDRESS: Final = UNSEEN + r"\u200d\ufe0e\ufe0f"
# Emoji are joined by U+200D and shaped by U+FE0E and U+FE0F, and only they are. (Digits, # and * become keycaps.)
_EMOJI: Final = (
    r"\xa9\xae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u27bf\u2900-\u2bff\u3030\u303d\u3297\u3299"
    + f"{chr(0x1F000)}-{chr(0x1FAFF)}"
)
_WELL_JOINED: Final = rf"(?!.*(?:\u200d(?![{_EMOJI}])|(?<![{_EMOJI}\ufe0f])\u200d|(?<![{_EMOJI}0-9#*])[\ufe0e\ufe0f]))"
# Spelt out: \s means more in JavaScript than in Python.
_BLANK: Final = r" \xa0\u1680\u2000-\u200a\u202f\u205f\u3000"
# Python's $ also matches before a line feed at the end; this one does not, in Python as in JavaScript.
END: Final = r"$(?!\n)"
# Any text. And one that is not blank: without (?=.*\S), for nobody can make up a text from that.
PLAIN: Final = rf"^{_WELL_JOINED}[^{UNSEEN}]*{END}"
TEXT: Final = rf"^{_WELL_JOINED}[{_BLANK}]*[^{_BLANK}{UNSEEN}][^{UNSEEN}]*{END}"


def is_readable(text: str) -> bool:
    """Whether people can see all of a text, and that there is one."""
    return re.fullmatch(TEXT, text) is not None
