#!/usr/bin/python3
"""editor_schemas.py IOMMUSIM ROOT: the JSON Schemas of configs/schema are those of the program, every shipped YAML file names the one it is
of in its first line and is valid under it, and files with mistakes are not.

Scalars are typed as YAML 1.2 types them, like the language server of editors: `01:00.0` and `450 ns` are texts, `16`, `0x10` integers, `yes` a text.
"""
import json
import re
import subprocess
import sys
import unittest
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator

BINARY, ROOT = sys.argv[1], Path(sys.argv[2])
SCHEMAS = ROOT / "configs" / "schema"
KINDS = ("experiment", "study")
LINE = re.compile(r"# yaml-language-server: \$schema=(\S+)$")


class CoreSchema(yaml.SafeLoader):
    """YAML 1.2's core schema; PyYAML's own is that of 1.1."""


CoreSchema.yaml_implicit_resolvers = {}
for tag, pattern, first in [
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", "-+.0123456789"),
]:
    CoreSchema.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), list(first) + ([""] if tag == "null" else []))


def load(text):
    return yaml.load(text, Loader=CoreSchema)  # noqa: S506: a SafeLoader


def shipped():
    return sorted(f for folder in ("configs", "experiments", "bench") for f in (ROOT / folder).rglob("*.yaml"))


def printed(kind):
    return subprocess.run([BINARY, "schema", kind], capture_output=True, text=True, timeout=60, check=True).stdout


class Schemas(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.validators = {kind: Draft202012Validator(json.loads(printed(kind))) for kind in KINDS}

    def errors(self, kind, text):
        return [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in self.validators[kind].iter_errors(load(text))]

    def test_the_committed_schemas_are_those_of_the_program(self):
        for kind in KINDS:
            committed = (SCHEMAS / f"{kind}.json").read_text(encoding="utf-8")
            self.assertTrue(committed == printed(kind), f"renew it: build/release/iommusim schema {kind} >configs/schema/{kind}.json")

    def test_the_schemas_are_schemas_and_their_defaults_are_valid(self):
        for kind, validator in self.validators.items():
            Draft202012Validator.check_schema(validator.schema)
            defaults = 0
            nodes = [validator.schema]
            while nodes:
                node = nodes.pop()
                if isinstance(node, dict):
                    if "default" in node and "description" in node and "oneOf" not in node:
                        defaults += 1
                        self.assertTrue(Draft202012Validator(node).is_valid(node["default"]), f"{kind}: {node}")
                    nodes.extend(node.values())
                elif isinstance(node, list):
                    nodes.extend(node)
            self.assertGreater(defaults, 20)

    def test_every_shipped_file_names_the_schema_it_is_valid_under(self):
        files = shipped()
        self.assertGreater(len(files), 60)
        seen = set()
        for file in files:
            with self.subTest(file=str(file.relative_to(ROOT))):
                text = file.read_text(encoding="utf-8")
                line = LINE.match(text.splitlines()[0])
                self.assertIsNotNone(line, "its first line is: # yaml-language-server: $schema=PATH")
                schema = (file.parent / line[1]).resolve()
                self.assertEqual(schema.parent, SCHEMAS.resolve())
                self.assertTrue(schema.is_file())
                seen.add(schema.stem)
                self.assertEqual(self.errors(schema.stem, text), [])
                self.assertNotEqual(self.errors("study" if schema.stem == "experiment" else "experiment", text), [], "and under no other")
        self.assertEqual(seen, set(KINDS))

    def test_mistakes_are_seen_while_typing(self):
        for kind, text, what in [
            ("experiment", "name: x", "'schema' is a required property"),
            ("experiment", "schema: 1\nnmae: x", "'nmae' was unexpected"),
            ("experiment", "schema: 1\nrun: {measure: 500}", "500 is not of type 'string'"),
            ("experiment", "schema: 1\nrun: {measure: 500 parsecs}", "does not match"),
            ("experiment", "schema: 1\nrun: {seed: -1}", "-1 is less than the minimum of 0"),
            ("experiment", "schema: 1\nplatform: {iommu: {unit: {walkers: 0}}}", "0"),
            ("experiment", "schema: 1\nplatform: {iommu: {architecture: {type: vtdd}}}", "vtdd"),
            ("experiment", "schema: 1\nplatform: {iommu: {architecture: {type: riscv, scalable: {}}}}", "'scalable' was unexpected"),
            ("experiment", "schema: 1\nplatform: {endpoints: [{bdf: \"01:00.0\"}]}", "'name' is a required property"),
            ("experiment", "schema: 1\nworkloads: [{endpoint: a, traffic: {window: 1}}]", "'type' is a required property"),
            ("experiment", "schema: 1\nplatform: {memory: {ranges: [{base: 4 KB, size: 1 GiB}]}}", "4 KB"),
            ("study", "schema: 1\ntitle: t\nmetrics: {a: b}\nvary: []", "'run' is a required property"),
            ("study", "schema: 1\ntitle: t\nrun: x.yaml\nmetrics: {a: {scale: 2}}", "{'scale': 2}"),
            ("study", "schema: 1\ntitle: t\nrun: x.yaml\nmetrics: {a: b}\nvary: [{zip: [{values: [1]}, {name: b}]}]", "'name' is a required"),
            ("study", "schema: 1\ntitle: t\nrun: x.yaml\nmetrics: {a: b}\nclaims: [{text: t, metric: a, of: median}]", "median"),
            ("study", "schema: 1\ntitle: t\nrun: x.yaml\nmetrics: {a: b}\nclaims: [{text: t, metric: a, where: {x: {y: 1}}}]", "{'y': 1}"),
        ]:
            with self.subTest(text=text):
                self.assertTrue(any(what in e for e in self.errors(kind, text)), self.errors(kind, text))

    def test_parts_of_files_need_not_be_whole(self):
        self.assertEqual(self.errors("experiment", "schema: 1\nplatform: {iommu: {architecture: {address_bits: 48}}}"), [])
        self.assertEqual(self.errors("experiment", "schema: 1\nreplay: null\nplatform: {iommu: {architecture: null}}"), [])
        self.assertEqual(self.errors("experiment", "schema: 1\nplatform: {iommu: null}"), [])
        self.assertEqual(self.errors("study", "schema: 1\ninclude: [other.yaml]\ntitle: t"), [])
        self.assertEqual(self.errors("experiment", "schema: 1\nplatform: {endpoints: [{name: a, bdf: 01:00.0}]}"), [], "a text in YAML 1.2")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
