"""Reads iommusim's result folders: tables, curves, sweeps. Debian 12's numpy, pandas and matplotlib; /usr/bin/python3.

    python3 -m analysis table RESULT_FOLDER... [-m METRIC]...
    python3 -m analysis sweep EXPERIMENT.yaml -o FOLDER [-j N] [--resume]
    python3 -m analysis bars RESULT_FOLDER... -m METRIC... -o FILE.png

Nothing here looks into the simulator: the input is result.json alone.
"""
