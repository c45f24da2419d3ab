"""Dead letters and their way back: read, shown, mended by hand, sent again."""

from producer.letters.letter import Letter
from producer.letters.mend import Mended, MendError, read_mended
from producer.letters.read import Letters, opened_letters
from producer.letters.replay import Replayed, replay
from producer.letters.show import letters_table

__all__ = [
    "Letter",
    "Letters",
    "MendError",
    "Mended",
    "Replayed",
    "letters_table",
    "opened_letters",
    "read_mended",
    "replay",
]
