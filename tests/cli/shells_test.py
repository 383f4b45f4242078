#!/usr/bin/python3
"""What `iommusim completion` and `man` print, read by the programs it is for: a class per program, skipped where it is not installed."""
import os
import re
import shutil
import subprocess
import unittest

from cli_test import CliTest


class ShellTest(CliTest):
    def need(self, program):
        if not shutil.which(program):
            self.skipTest(f"NOT TESTED: {program} is not installed (scripts/setup --shells)")

    def completion(self, shell):
        """The script of a shell as a file, beside a few others to complete."""
        self.need(shell)
        for name, text in (("completion", self.iommusim("completion", shell).stdout), ("study.yaml", ""), ("table.csv", "")):
            with open(self.path(name), "w", encoding="utf-8") as f:
                f.write(text)
        os.mkdir(self.path("studies"))

    def shell(self, *command):
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=True).stdout.split()


class Bash(ShellTest):
    def test_completion_in_bash_knows_commands_options_words_and_files(self):
        self.completion("bash")

        def complete(*words):
            return self.shell("bash", "-c", f"source completion; COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _iommusim; "
                                            "echo ${COMPREPLY[@]}")

        self.assertEqual(complete("iommusim", "sw"), ["sweep"])
        self.assertEqual(complete("iommusim", "sweep", "--re"), ["--resume", "--retry"])
        self.assertEqual(complete("iommusim", "run", "--f"), ["--force"])
        self.assertEqual(complete("iommusim", "run", "stu"), ["studies", "study.yaml"])
        self.assertEqual(complete("iommusim", "run", "t"), [], "no configuration")
        self.assertEqual(complete("iommusim", "run", "study.yaml", "-o", "stu"), ["studies"])
        self.assertEqual(complete("iommusim", "compare", "-m", "stu"), [], "a metric is no folder")
        self.assertEqual(complete("iommusim", "sweep", "study.yaml", "-j", "stu"), [])
        self.assertEqual(complete("iommusim", "describe", "--metrics", "stu"), ["studies", "study.yaml"])
        self.assertEqual(complete("iommusim", "sweep", "--sh"), ["--share"], "once")
        self.assertEqual(complete("iommusim", "sweep", "st"), ["status", "studies", "study.yaml"])
        self.assertEqual(complete("iommusim", "sweep", "status", "st"), ["studies"])
        self.assertEqual(complete("iommusim", "collect", "st"), ["studies"])
        self.assertEqual(complete("iommusim", "list", "pat"), ["patterns"])
        self.assertEqual(complete("iommusim", "completion", "z"), ["zsh"])
        self.assertIn("iotlb", complete("iommusim", "describe", "iot"))
        for command in complete("iommusim", "''"):
            if not command.startswith("-"):
                wanted = set(re.findall(r"^ +(?:-. \[ )?(--[a-z-]+)", self.iommusim(command, "--help").stdout, re.M))
                self.assertEqual(set(complete("iommusim", command, "--")), wanted, command)


class Zsh(ShellTest):
    def test_completion_in_zsh_offers_the_same(self):
        self.completion("zsh")

        def complete(*words):  # the functions that zsh's own completion would call say what they are asked for
            script = ("compdef() { :; }; compadd() { print -- ${@:#--}; }; _files() { print FILES $@; }; _describe() { print -l -- ${(P)2%%:*}; }\n"
                      f"source ./completion; words=({' '.join(words)}); CURRENT={len(words)}; PREFIX={words[-1]}; _iommusim")
            return self.shell("zsh", "-f", "-c", script)

        self.assertIn("sweep", complete("iommusim", "''"))
        self.assertIn("--resume", complete("iommusim", "sweep", "--"))
        self.assertEqual(complete("iommusim", "sweep", "''"), ["status", "FILES", "-g", "*.yaml"])
        self.assertEqual(complete("iommusim", "collect", "''"), ["FILES", "-/"])
        self.assertEqual(complete("iommusim", "run", "-o", "''"), ["FILES", "-/"])
        self.assertEqual(complete("iommusim", "compare", "-m", "''"), [])
        self.assertIn("iotlb", complete("iommusim", "describe", "''"))


class Fish(ShellTest):
    def test_completion_in_fish_offers_the_same(self):
        self.completion("fish")

        def complete(line):
            done = subprocess.run(["fish", "--no-config", "-c", f"set -x HOME {self.folder}; source completion; complete -C '{line}'"],
                                  cwd=self.folder, capture_output=True, text=True, check=True)
            return [offer.split("\t")[0] for offer in done.stdout.splitlines()]

        self.assertEqual(complete("iommusim sw"), ["sweep"])
        self.assertEqual(complete("iommusim sweep --re"), ["--resume", "--retry"])
        self.assertEqual(complete("iommusim run stu"), ["study.yaml", "studies/"])
        self.assertEqual(complete("iommusim collect st"), ["studies/"])
        self.assertEqual(complete("iommusim run -o st"), ["studies/"])
        self.assertEqual(complete("iommusim compare -m st"), [])
        self.assertEqual(complete("iommusim list pat"), ["patterns"])
        self.assertIn("iotlb", complete("iommusim describe iot"))


class Groff(ShellTest):
    def test_the_manual_page_has_no_warning(self):
        self.need("groff")
        done = subprocess.run(["groff", "-man", "-ww", "-Tutf8"], input=self.iommusim("man").stdout, capture_output=True, text=True, check=True)
        self.assertEqual(done.stderr, "")
        self.assertIn("read_order", done.stdout)


class Mandoc(ShellTest):
    def test_the_manual_page_has_no_warning(self):
        self.need("mandoc")
        done = subprocess.run(["mandoc", "-Tlint", "-Wwarning"], input=self.iommusim("man").stdout, capture_output=True, text=True, check=False)
        # No date: the same version prints the same page, whenever that is.
        self.assertEqual([line for line in (done.stdout + done.stderr).splitlines() if "missing date" not in line], [])


if __name__ == "__main__":
    unittest.main()
