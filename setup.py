"""The native build and where packages lie; everything else is in pyproject.toml."""

from __future__ import annotations

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent


def _packages() -> tuple[list[str], dict[str, str]]:
    """All packages, and the folders of those that lie elsewhere than their name says.

    `generator/` runs from an unbuilt checkout as `generator` and ships as `vapi_cffi.generator`.
    `include/vapi` and `include/vlibapi` ship as data under `vapi_cffi/include`.
    """
    packages = find_packages(include=["vapi_cffi", "vapi_cffi.*"])
    folders = {"vapi_cffi.include": "csrc/include"}
    packages.append("vapi_cffi.include")
    for name in find_packages(include=["generator", "generator.*"]):
        packages.append(f"vapi_cffi.{name}")
        folders[f"vapi_cffi.{name}"] = name.replace(".", "/")
    return packages, folders


packages, folders = _packages()
setup(
    packages=packages,
    package_dir=folders,
    include_package_data=False,
    package_data={
        "vapi_cffi": ["py.typed", "*.pyi", "api/*"],
        "vapi_cffi.include": ["vapi/*", "vlibapi/*"],
        "vapi_cffi.generator": ["*.lark"],
    },
    cffi_modules=["vapi_cffi/_ffi_build.py:ffibuilder"],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
    zip_safe=False,
)
