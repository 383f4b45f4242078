"""Command line of the package; exit status 0 done, 1 a run failed, 2 the user's fault, as the program's own."""
from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from analysis import figures, results
from analysis.build import bars as bars_of
from analysis.draw import figure


def do_table(args: argparse.Namespace) -> int:
    print(results.to_text(results.table([results.load(f) for f in args.folder], args.metric)))
    return 0


def do_bars(args: argparse.Namespace) -> int:
    frame = results.table([results.load(f) for f in args.folder], args.metric)
    print("\n".join(str(f) for f in figure.save(bars_of.of_table(frame, args.output.stem, args.stacked), args.output)))
    return 0


def do_figures(args: argparse.Namespace) -> int:
    print("\n".join(str(f) for f in figures.draw_all(args.folder, args.output)))
    return 0


def do_report(args: argparse.Namespace) -> int:
    from analysis.report import page  # reads its style and script, which the other commands need not have

    print(page.write(args.folder, args.output))
    return 0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="analysis", description="Tables, figures and reports of iommusim's results.")
    commands = parser.add_subparsers(required=True)
    p = commands.add_parser("table", help="compare result folders")
    p.add_argument("folder", nargs="+")
    p.add_argument("-m", "--metric", action="append", help="only these; repeatable")
    p.set_defaults(run=do_table)
    p = commands.add_parser("bars", help="bars of some metrics, e.g. percentiles or the parts of the latency")
    p.add_argument("folder", nargs="+")
    p.add_argument("-m", "--metric", action="append", required=True)
    p.add_argument("-o", "--output", required=True, type=Path, help="writes both PNG and SVG")
    p.add_argument("--stacked", action="store_true", help="the metrics are parts of a whole")
    p.set_defaults(run=do_bars)
    p = commands.add_parser("figures", help="every figure of a run or of a sweep as PNG and SVG")
    p.add_argument("folder", type=Path, metavar="DIR", help="result folder of `run` or of a sweep")
    p.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="where to (default: DIR/figures)")
    p.set_defaults(run=do_figures)
    p = commands.add_parser("report", help="one HTML page of a run or of a sweep, with interactive charts, that needs no network")
    p.add_argument("folder", type=Path, metavar="DIR", help="result folder of `run` or of a sweep")
    p.add_argument("-o", "--output", type=Path, metavar="FILE", help="where to (default: DIR/report.html)")
    p.set_defaults(run=do_report)
    args = parser.parse_args(arguments)
    try:
        status = int(args.run(args))
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader, such as `head`, has what it wanted; nothing more goes there, not even at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except results.ResultError as e:
        print(f"analysis: {e}", file=sys.stderr)
    except OSError as e:
        print(f"analysis: {e.filename}: {e.strerror}", file=sys.stderr)
    except KeyboardInterrupt:
        print("analysis: interrupted", file=sys.stderr)
        return 1
    return 2


if __name__ == "__main__":
    sys.exit(main())
