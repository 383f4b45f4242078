#!/usr/bin/python3
"""Each wrong configuration of cases/ gives exactly its expected message, exit status 2, and leaves nothing behind.

usage: run.py IOMMUSIM [--update] [NAME...]     --update rewrites the expected messages: read the diff before committing it.
"""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = os.path.join(HERE, "cases")
MINIMUM = 60


def run(binary, args):
    return subprocess.run([binary, *args], cwd=CASES, capture_output=True, timeout=60, check=False)


def examine(binary, name, update, scratch):
    file = name + ".yaml"
    expected_file = os.path.join(CASES, name + ".expected")
    checked = run(binary, ["check", file])
    message = checked.stderr.decode(errors="replace")
    if update:
        with open(expected_file, "w", encoding="utf-8") as f:
            f.write(message)
    if not os.path.exists(expected_file):
        return ["no " + name + ".expected"]
    with open(expected_file, encoding="utf-8") as f:
        expected = f.read()
    faults = []
    if not expected.strip():
        faults.append("the expected message is empty")
    if message != expected:
        faults.append("message differs\n  expected: " + expected + "  is:       " + message)
    if checked.returncode != 2:
        faults.append(f"`check` ends with status {checked.returncode}, not 2")
    if checked.stdout:
        faults.append("`check` prints to standard output: " + checked.stdout.decode(errors="replace"))
    out = os.path.join(scratch, name)
    ran = run(binary, ["run", file, "-o", out])
    if ran.returncode != 2:
        faults.append(f"`run` ends with status {ran.returncode}, not 2")
    if ran.stderr.decode(errors="replace") != expected:
        faults.append("`run` gives another message: " + ran.stderr.decode(errors="replace"))
    if os.listdir(scratch):
        faults.append("`run` leaves something behind: " + ", ".join(os.listdir(scratch)))
    return faults


def main():
    binary = os.path.abspath(sys.argv[1])
    update = "--update" in sys.argv
    only = [a for a in sys.argv[2:] if not a.startswith("--")]
    names = sorted(f[:-5] for f in os.listdir(CASES) if f.endswith(".yaml"))
    orphans = [f for f in os.listdir(CASES) if f.endswith(".expected") and f[:-9] not in names]
    bad = len(orphans)
    for f in orphans:
        print("no configuration for", f)
    if len(names) < MINIMUM:
        print(f"only {len(names)} cases, at least {MINIMUM} are wanted")
        bad += 1
    for name in only or names:
        with tempfile.TemporaryDirectory() as scratch:
            faults = examine(binary, name, update, scratch)
        for fault in faults:
            print(f"{name}: {fault}")
        bad += bool(faults)
    print(f"{len(names)} wrong configurations, {bad} not as expected")
    return 1 if bad else 0


sys.exit(main())
