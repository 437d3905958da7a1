"""Versions that generated files carry."""

from __future__ import annotations

#: Version of the generator: named in the first lines of every generated file, part of every stamp.
GENERATOR_VERSION = "1.0.0"

#: Version of the form of generated Python packages; the run time refuses a package of another one.
FORMAT_VERSION = 2
