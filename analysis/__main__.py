"""Command line of the package; exit status 0 done, 1 a run failed, 2 the user's fault, as the program's own."""
import argparse
import os
import sys
from pathlib import Path

from analysis import experiment, plots, results, sweep

PROGRAM = Path(__file__).parent.parent / "build" / "release" / "iommusim"


def do_table(args):
    print(results.to_text(results.table([results.load(f) for f in args.folder], args.metric)))
    return 0


def do_bars(args):
    frame = results.table([results.load(f) for f in args.folder], args.metric)
    print("\n".join(str(f) for f in plots.bars(frame, args.output, args.stacked)))
    return 0


def do_sweep(args):
    if args.jobs < 1:
        raise experiment.ExperimentError("-j: at least 1")
    e = experiment.read(args.file)
    if not os.access(args.program, os.X_OK):
        raise experiment.ExperimentError(f"there is no program {args.program}; build it, or say --program")
    frame, failures = sweep.run(e, args.program, args.output, args.jobs, args.resume)
    print(f"{e.title}\n{results.to_text(frame.set_index('point'))}")
    print(f"results: {args.output / 'results.csv'}, one folder per point in {args.output / 'runs'}")
    if e.plot:
        switches = {k: e.plot.get(k) == "true" for k in ("log_x", "x_bytes")}
        files = plots.curves(frame, args.output / "plot", title=e.title, **{**e.plot, **switches})
        print("plot: " + ", ".join(str(f) for f in files))
    for name, (status, text) in failures.items():
        print(f"{name}: exit status {status}\n{text}", file=sys.stderr)
    return 0 if not failures else 2 if all(s == 2 for s, _ in failures.values()) else 1


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="analysis", description="Tables and plots of iommusim's results.")
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
    p = commands.add_parser("sweep", help="run the points of an experiment")
    p.add_argument("file")
    p.add_argument("-o", "--output", required=True, type=Path)
    p.add_argument("-j", "--jobs", type=int, default=os.cpu_count(), help="runs at a time (default: one per processor)")
    p.add_argument("--resume", action="store_true", help="keep results that are there")
    p.add_argument("--program", type=Path, default=PROGRAM)
    p.set_defaults(run=do_sweep)
    args = parser.parse_args(arguments)
    try:
        return args.run(args)
    except (experiment.ExperimentError, results.ResultError) as e:
        print(f"analysis: {e}", file=sys.stderr)
    except KeyError as e:  # Result's own message
        print(f"analysis: {e.args[0]}", file=sys.stderr)
    except KeyboardInterrupt:
        print("analysis: interrupted", file=sys.stderr)
        return 1
    return 2


if __name__ == "__main__":
    sys.exit(main())
