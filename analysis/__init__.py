"""Reads iommusim's result folders: tables, figures, HTML reports. Run by /usr/bin/python3 with Debian's packages.

    python3 -m analysis table RESULT_FOLDER... [-m METRIC]...
    python3 -m analysis bars RESULT_FOLDER... -m METRIC... -o FILE.png
    python3 -m analysis figures DIR [-o FOLDER]
    python3 -m analysis report DIR [-o FILE.html]

Nothing here looks into the simulator: the input is result files alone. What a figure shows is a analysis.chart.model.Chart, built from
results by analysis.build; analysis.draw makes files of it, analysis.report puts it into pages.
"""
