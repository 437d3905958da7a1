"""Stubs: what a type checker says of a program that uses them."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path


def test_the_stub_of_an_api(apifiles: list[str], tmp_path: Path) -> None:
    stub = tmp_path / "vpp_api.pyi"
    command = [sys.executable, "-m", "vapi_cffi.papi", "-m", "vpp_papi.stubgen"]
    subprocess.run([*command, "--file", *apifiles, "-o", str(stub)], check=True, timeout=60)
    tree = ast.parse(stub.read_text("utf-8"))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    fields = [ast.unparse(node) for node in classes["SwInterfaceDetails"].body]
    assert "l2_address: MACAddress" in fields
    assert "flags: IfStatusFlags" in fields
    assert "mtu: list[int]" in fields
    assert "interface_name: str" in fields
    assert [ast.unparse(base) for base in classes["IfStatusFlags"].bases] == ["IntFlag"]
    methods = {
        node.name: node for node in classes["VppApi"].body if isinstance(node, ast.FunctionDef)
    }
    returns = methods["sw_interface_dump"].returns
    assert returns is not None
    assert ast.unparse(returns) == "list[SwInterfaceDetails]"
    names = [argument.arg for argument in methods["sw_interface_dump"].args.kwonlyargs]
    assert names[-2:] == ["_no_type_conversion", "_timeout"]
    assert "sw_if_index" in names
