"""The native build and where packages lie; everything else is in pyproject.toml."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import ClassVar

from setuptools import Command, find_packages, setup
from setuptools.command.build import build
from setuptools.errors import ExecError

ROOT = Path(__file__).parent


def _packages() -> tuple[list[str], dict[str, str]]:
    """All packages, and the folders of those that lie elsewhere than their name says.

    `generator/` runs from an unbuilt checkout as `generator` and ships as `vapi_cffi.generator`.
    """
    packages = find_packages(include=["vapi_cffi", "vapi_cffi.*"])
    folders = {}
    for name in find_packages(include=["generator", "generator.*"]):
        packages.append(f"vapi_cffi.{name}")
        folders[f"vapi_cffi.{name}"] = name.replace(".", "/")
    return packages, folders


class BuildC(Command):
    """The library for C and C++ programs, with its headers, as `vapi_cffi/_c` of a wheel.

    An editable installation has none: there `vapi config` builds it when it is asked.
    """

    description = "build the C library"
    user_options: ClassVar[list[tuple[str, str, str]]] = []
    editable_mode = False

    def initialize_options(self) -> None:
        self.build_lib = ""
        self.build_temp = ""

    def finalize_options(self) -> None:
        found = self.get_finalized_command("build")
        self.build_lib, self.build_temp = found.build_lib, found.build_temp

    def run(self) -> None:
        if self.editable_mode:
            return
        options = {
            "BUILD": Path(self.build_temp, "c").absolute(),
            "PREFIX": Path(self.build_lib, "vapi_cffi", "_c").absolute(),
            "CFLAGS": os.environ.get("CFLAGS", "-O2"),
            "DESTDIR": "",
            "LIBDIR": "lib",
            "WHEEL": "1",
        }
        # What an outer make was told is not for this one.
        outer = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")
        try:
            subprocess.run(
                [
                    *("make", "-C", str(ROOT / "csrc"), f"-j{min(os.cpu_count() or 1, 4)}"),
                    *("install-c", *(f"{name}={value}" for name, value in options.items())),
                ],
                env={name: value for name, value in os.environ.items() if name not in outer},
                check=True,
            )
        except FileNotFoundError:
            raise ExecError("the C library needs make: apt-get install make") from None
        except subprocess.CalledProcessError as error:
            raise ExecError(f"the C library does not build: make gave {error.returncode}") from None

    def get_source_files(self) -> list[str]:
        return []  # MANIFEST.in has them

    def get_outputs(self) -> list[str]:
        if self.editable_mode:
            return []
        found = Path(self.build_lib, "vapi_cffi", "_c").rglob("*")
        return sorted(str(path) for path in found if path.is_file())

    def get_output_mapping(self) -> dict[str, str]:
        return {}


class Build(build):
    """The usual, and the C library."""

    sub_commands = (*build.sub_commands, ("build_c", None))


packages, folders = _packages()
setup(
    packages=packages,
    package_dir=folders,
    include_package_data=False,
    package_data={
        "vapi_cffi": ["py.typed", "*.pyi", "api/*"],
        "vapi_cffi.generator": ["*.lark"],
    },
    cmdclass={"build": Build, "build_c": BuildC},
    cffi_modules=["vapi_cffi/_ffi_build.py:ffibuilder"],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
    zip_safe=False,
)
