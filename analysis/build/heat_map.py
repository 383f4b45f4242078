"""One metric over two factors."""
from __future__ import annotations

import pandas as pd

from analysis.build.table import absence, axis, rows, said, title
from analysis.chart.model import Chart, Heat
from analysis.chart.units import even_texts
from analysis.results import ResultError
from analysis.study import Plot, Study


def chart(study: Study, plot: Plot, name: str) -> Chart:
    """Means over replications and over factors not named; cells without say why."""
    if not plot.z or len(plot.y) != 1:
        raise ResultError(f"{study.folder}: plot '{name}': kind heat needs x and y, which are factors, and z, a metric")
    y = plot.y[0]
    values = rows(study, plot.where).pivot_table(index=y, columns=plot.x, values=plot.z, aggfunc="mean", sort=False)
    for ax in (0, 1):
        if pd.api.types.is_numeric_dtype(values.axes[ax]):
            values = values.sort_index(axis=ax)

    def labels(column: str, index: pd.Index) -> list[str]:
        return [said(study, column, v, plot.x_bytes and column == plot.x) for v in index]

    cells = values.to_numpy(float)
    why = absence(study, plot.where, [plot.x, y])
    numbers = iter(even_texts(cells.ravel().tolist()))
    texts = [[next(numbers) or why([column, row]) for column in values.columns] for row in values.index]
    panel = Heat(labels(plot.x, values.columns), labels(y, values.index), axis(study, plot.x, plot.x_label).title,
                 axis(study, y, plot.y_label).title, axis(study, plot.z, plot.z_label), cells.tolist(), texts)
    return Chart(name, title(study, plot), [panel])
