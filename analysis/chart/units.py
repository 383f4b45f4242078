"""Units people read: nanoseconds for picoseconds, KiB for bytes; and where ticks stand on a logarithmic axis."""
from __future__ import annotations

import math
from typing import Sequence

_TIMES = ((1e12, "s"), (1e9, "ms"), (1e6, "us"), (1e3, "ns"))
_SIZES = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def readable(unit: str, largest: float) -> tuple[float, str]:
    """(factor, unit) for values up to `largest`: picoseconds become the unit in which that is at least 10, if there is one; a million per
    second and more is in M/s."""
    if unit in ("1/s", "/s") and largest >= 1e6:
        return 1e-6, "M/s"
    if unit != "ps":
        return 1.0, unit
    for size, name in _TIMES:
        if largest >= 10 * size:
            return 1 / size, name
    return (1e-3, "ns") if largest >= 100 else (1.0, "ps")


def bytes_text(value: float) -> str:
    """262144 -> 256 KiB, 1536 -> 1.5 KiB, 1520 -> 1520 B: the largest unit that takes two decimals at most, unless that is long."""
    for size, unit in _SIZES:
        if value >= size and (abs(100 * value / size - round(100 * value / size)) < 1e-6 or value >= 64 * size):
            return f"{value / size:.5g} {unit}"
    return f"{value:.6g} B"


def number_text(value: float, digits: int = 5) -> str:
    """A number as a table shows it: 287700, not 2.877e+05; only what is very large or small has an exponent."""
    if value == 0 or not math.isfinite(value) or not 1e-4 <= abs(value) < 1e12:
        return f"{value:.{digits}g}"
    shown = f"{float(f'{value:.{digits}g}'):.{max(0, digits - 1 - math.floor(math.log10(abs(value))))}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def even_texts(values: Sequence[float], digits: int = 3) -> list[str]:
    """Numbers to be compared, all with as many decimals as the largest needs for so many digits; each its own where small ones would
    vanish. A value that is none is an empty text."""
    seen = [abs(v) for v in values if math.isfinite(v) and v]
    if not seen or not 1e-4 <= max(seen) < 1e9 or max(seen) > 1000 * min(seen):
        return [number_text(v, digits) if math.isfinite(v) else "" for v in values]
    exact = max(len(f"{number_text(v, digits)}.".split(".")[1]) for v in seen)  # whole numbers stay whole
    decimals = min(exact, max(0, digits - 1 - math.floor(math.log10(max(seen)))))
    return [f"{v:.{decimals}f}" if math.isfinite(v) else "" for v in values]


def value_text(value: float, unit: str) -> str:
    """A value with its unit, as a table shows it."""
    if math.isnan(value):
        return "-"
    if unit == "B" and math.isfinite(value) and value == int(value):
        return bytes_text(value)
    factor, name = readable(unit, abs(value))
    return f"{value * factor:.6g}" + ("" if name in ("", "1") else f" {name}")


# Base units of quantities that are written with the unit that suits each value: 512 KiB, 1 ms, 10 Gb/s.
_SCALED: dict[str, tuple[tuple[float, str], ...]] = {
    "b/s": ((1e9, "Gb/s"), (1e6, "Mb/s"), (1e3, "kb/s")), "Hz": ((1e9, "GHz"), (1e6, "MHz"), (1e3, "kHz"))}
QUANTITIES = ("B", "ps", *_SCALED)


def quantity_text(value: float, unit: str) -> str:
    """A value of one of QUANTITIES in the largest unit in which it is at least 1; any other with its unit behind it."""
    if unit == "B":
        return bytes_text(value)
    steps = _SCALED.get(unit, ()) if unit != "ps" else _TIMES
    size, name = next(((s, n) for s, n in steps if abs(value) >= s * (1 - 1e-9)), (1.0, unit))
    return f"{number_text(value / size, 6)}" + ("" if name in ("", "1") or value == 0 and unit in QUANTITIES else f" {name}")


def _even_ticks(low: float, high: float) -> list[float]:
    """About five round values evenly apart: for logarithmic axes of less than a decade."""
    raw = (high - low) / 5 or low
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(d * power for d in (1, 2, 2.5, 5, 10) if d * power >= raw * 0.999)
    return [step * k for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def byte_ticks(low: float, high: float, most: int = 8) -> list[float]:
    """Ticks of a linear axis in bytes: multiples of a power of two, at most `most`."""
    step = 2.0 ** math.ceil(math.log2(max((high - low) / most, 1.0)))
    return [step * k for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def log_ticks(low: float, high: float, binary: bool, most: int = 8) -> list[float]:
    """Ticks of a logarithmic axis: powers of two if `binary`, else 1, 2, 5 and then powers of ten; at most `most`, evenly apart."""
    if not (0 < low <= high):
        return []
    if binary:
        first, last = math.ceil(math.log2(low) - 1e-9), math.floor(math.log2(high) + 1e-9)
        step = max(1, math.ceil((last - first + 1) / most))
        return [2.0**e for e in range(first, last + 1, step)]
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for digits in ((1, 2, 5), (1, 3), (1,)):
        ticks = [d * 10.0**e for e in range(first, last + 1) for d in digits if low * 0.999 <= d * 10.0**e <= high * 1.001]
        if len(ticks) < 3 and digits == (1, 2, 5):
            return _even_ticks(low, high)
        if len(ticks) <= most:
            return ticks
    return ticks[:: math.ceil(len(ticks) / most)]
