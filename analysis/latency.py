"""latency.csv: histograms of whole DMAs, their distribution and percentiles, also of several runs together."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Iterable

import numpy as np
import pandas as pd

from analysis.results import ResultError, numbers_of, read_csv

COLUMNS = ["endpoint", "direction", "low_ps", "high_ps", "count", "cumulative"]
PERCENTILES = (50.0, 90.0, 99.0, 99.9)


@dataclass(frozen=True)
class Distribution:
    """Cells in ascending order: `high` their upper ends in picoseconds (0.1 % wide), `count` the DMAs in each."""

    high: np.ndarray
    count: np.ndarray

    @property
    def total(self) -> int:
        return int(self.count.sum())

    def cdf(self) -> np.ndarray:
        """Share of DMAs that took at most `high`, per cell."""
        return np.asarray(np.cumsum(self.count) / max(1, self.total))

    def percentile(self, p: float) -> float:
        """Latency in ps that `p` percent did not exceed, the upper end of its cell (at most 0.1 % too long); NaN of nothing."""
        if self.total == 0:
            return float("nan")
        rank = max(1, int(np.ceil(p / 100 * self.total - 1e-9)))
        return float(self.high[int(np.searchsorted(np.cumsum(self.count), rank))])


def read(folder: Path) -> dict[tuple[str, str], Distribution]:
    """(endpoint, direction) -> distribution, those with DMAs only; empty when the folder has no latency.csv."""
    file = Path(folder) / "latency.csv"
    frame = read_csv(file, ("endpoint", "direction"))
    if frame is None:
        return {}
    if list(frame.columns) != COLUMNS:
        raise ResultError(f"{file}: expected the columns {','.join(COLUMNS)}")
    for column in ("high_ps", "count"):
        values = numbers_of(frame, column, file)
        if not np.all(np.isfinite(values) & (values >= 0)):
            raise ResultError(f"{file}:{int(np.argmin(np.isfinite(values) & (values >= 0))) + 2}: {column}: expected a number that is not negative")
        frame[column] = values
    found = {}
    for (endpoint, direction), rows in frame.groupby(["endpoint", "direction"], sort=False):
        if rows["count"].sum() > 0:
            found[str(endpoint), str(direction)] = Distribution(rows["high_ps"].to_numpy(float), rows["count"].to_numpy(int))
    return found


def together(parts: Iterable[Distribution]) -> Distribution:
    """All DMAs of several runs as one distribution."""
    cells = pd.concat([pd.Series(d.count, index=d.high) for d in parts] or [pd.Series(dtype=int)])
    cells = cells.groupby(level=0).sum().sort_index()
    return Distribution(cells.index.to_numpy(float), cells.to_numpy(int))
