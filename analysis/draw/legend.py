"""How much room legends take."""
from __future__ import annotations

import math

# A text block of a two-column paper is about 6.5 inches wide; 9 points stay readable when it is set at that width.
WIDTH = 6.5
LEGEND_ROW = 0.22  # inches
LONGEST_NAME = 72  # of a legend's entry, in characters


def legend_columns(names: list[str]) -> int:
    """As many as fit in WIDTH, in even rows: a character of 8 points is about 0.075 inches wide, a key with its gaps 0.55."""
    for rows in range(1, len(names)):
        columns = math.ceil(len(names) / rows)
        # matplotlib gives the first columns one entry more when they cannot all have the same number.
        sizes = [len(names) // columns + (c < len(names) % columns) for c in range(columns)]
        ends = [sum(sizes[:c + 1]) for c in range(columns)]
        if sum(0.55 + 0.075 * max(map(len, names[end - size:end])) for size, end in zip(sizes, ends)) <= WIDTH:
            return columns
    return 1
