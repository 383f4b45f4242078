"""Confidence over replications: Student's t (Student, Biometrika 6, 1908), for runs with different seeds at one point."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Interval:
    """The mean, and the ends of the interval that covers the true one with the chosen confidence; both NaN for one run."""

    mean: float
    low: float
    high: float
    count: int


def interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Of the values that are numbers: mean -+ t(1 - (1 - confidence) / 2, n - 1) s / sqrt(n)."""
    sample = np.asarray(values, dtype=float)
    sample = sample[np.isfinite(sample)]
    if len(sample) == 0:
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    mean = float(sample.mean())
    if len(sample) == 1:
        return Interval(mean, float("nan"), float("nan"), 1)
    reach = float(stats.t.ppf(0.5 + confidence / 2, len(sample) - 1) * sample.std(ddof=1) / np.sqrt(len(sample)))
    return Interval(mean, mean - reach, mean + reach, len(sample))
