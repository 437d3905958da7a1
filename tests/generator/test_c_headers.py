"""The C and C++ emitters: what they write compiles, lies as the model says, swaps as it should."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import pytest
from _python_values import Values as PythonValues
from _wire_values import HostOrder, Values
from hypothesis import given, settings
from hypothesis import strategies as st

import generator
from generator.emit import EmitOptions
from generator.emit.c_header import EMITTER as C_EMITTER
from generator.emit.c_messages import payload_fields
from generator.emit.c_types import member
from generator.emit.cpp_header import EMITTER as CPP_EMITTER
from generator.emit.json import to_document
from generator.model import ApiFile, Model, Struct, Union
from generator.naming import c_field, c_ids_macro, c_type
from vapi_cffi._catalog import Scope
from vapi_cffi._definitions import ParsedDefinitions

ROOT = Path(__file__).resolve().parents[2]
CSRC = ROOT / "csrc"
CC = os.environ.get("CC", "gcc")
CXX = os.environ.get("CXX", "g++")
WARNINGS = ["-Wall", "-Wextra", "-Werror"]
#: Their ids are the library's.
OF_THE_LIBRARY = ("memclnt.api", "vlib.api")

pytestmark = pytest.mark.skipif(
    shutil.which(CC) is None or shutil.which(CXX) is None, reason="needs C and C++ compilers"
)


def write_headers(model: Model, to: Path) -> Path:
    for file in model:
        for emitter in (C_EMITTER, CPP_EMITTER):
            for name, text in emitter.emit(file, model, EmitOptions()).items():
                path = to / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, "utf-8")
    return to


@pytest.fixture(scope="module")
def headers(corpus: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The headers of all of VPP 26.06."""
    return write_headers(corpus, tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def feature_model() -> Model:
    """One small file a feature, and the messages of the bindings' own tests."""
    return generator.load([ROOT / "tests" / "golden" / "input", ROOT / "tests" / "capi"])


@pytest.fixture(scope="module")
def feature_headers(feature_model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_headers(feature_model, tmp_path_factory.mktemp("features"))


def compile_text(text: str, include: Path, *flags: object, language: str = "c") -> None:
    """Compile a text; every diagnostic is an error."""
    compiler, standard = (CC, "c11") if language == "c" else (CXX, "c++17")
    done = subprocess.run(
        [compiler, f"-std={standard}", *WARNINGS, f"-I{include}", f"-I{CSRC / 'include'}"]
        + [str(flag) for flag in flags]
        + ["-x", language, "-"],
        input=text,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[:4000]


def includes(files: Iterable[ApiFile], suffix: str = "h") -> str:
    return "".join(f"#include <vapi/{file.name}.vapi.{suffix}>\n" for file in files)


def definitions(files: Iterable[ApiFile], *, all_of_them: bool = False) -> str:
    return "".join(
        f"{c_ids_macro(file.name)};\n"
        for file in files
        if all_of_them or file.name not in OF_THE_LIBRARY
    )


def layout_checks(model: Model) -> Iterator[str]:
    """What the model says of sizes and offsets, as assertions for the compiler."""
    for kind in model.types.values():
        yield f"_Static_assert(sizeof({c_type(kind)}) == {kind.size}, {_quoted(kind.name)});"
        if isinstance(kind, Struct | Union):
            for item in kind.fields:
                place = f"offsetof({c_type(kind)}, {c_field(item.name)})"
                yield f"_Static_assert({place} == {item.offset}, {_quoted(kind.name)});"
    for message in model.messages.values():
        name = f"vapi_msg_{message.name}"
        yield f"_Static_assert(sizeof({name}) == {message.size}, {_quoted(message.name)});"
        for item in message.fields:
            part = "payload" if item in payload_fields(message) else "header"
            place = f"offsetof({name}, {part}.{c_field(item.name)})"
            yield f"_Static_assert({place} == {item.offset}, {_quoted(message.name)});"


def _quoted(text: str) -> str:
    return f'"{text}"'


def test_features_compile_and_lie_right(feature_model: Model, feature_headers: Path) -> None:
    text = includes(feature_model) + definitions(feature_model)
    checks = "\n".join(layout_checks(feature_model)) + "\n"
    compile_text(text + checks, feature_headers, "-Wconversion", "-Wshadow", "-fsyntax-only")
    text = includes(feature_model, "hpp") + definitions(feature_model)
    compile_text(text, feature_headers, "-fsyntax-only", language="c++")


def test_all_in_one_unit_with_every_layout(corpus: Model, headers: Path) -> None:
    """152 files, each message and type at the offsets and of the size that the model has."""
    checks = list(layout_checks(corpus))
    assert len(checks) > 11000
    text = includes(corpus) + definitions(corpus) + "\n".join(checks) + "\n"
    compile_text(text, headers, "-fsyntax-only")


@pytest.mark.long
@pytest.mark.timeout(600)
def test_all_in_one_unit_in_cpp(corpus: Model, headers: Path) -> None:
    text = includes(corpus, "hpp") + definitions(corpus)
    compile_text(text, headers, "-fsyntax-only", language="c++")


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("suffix", ["h", "hpp"])
def test_each_compiles_alone(corpus: Model, headers: Path, suffix: str) -> None:
    for file in corpus:
        language = "c" if suffix == "h" else "c++"
        text = includes([file], suffix) + definitions([file])
        compile_text(text, headers, "-fsyntax-only", language=language)


def test_types_only(corpus: Model, headers: Path) -> None:
    text = "#define VAPI_EMIT_TYPES_ONLY\n" + includes([corpus.file("ip")])
    text += "vapi_msg_ip_route_add_del message;\n#ifdef __vapi_code_defined_vapi_type_ip_route\n"
    compile_text(text + "#error code\n#endif\n", headers, "-fsyntax-only")


def test_every_message_is_there(corpus: Model, headers: Path) -> None:
    """Also the 25 that VPP's generator leaves out."""
    text = "".join(path.read_text("utf-8") for path in (headers / "vapi").glob("*.h"))
    for message in corpus.messages.values():
        assert f"}} vapi_msg_{message.name};" in text
        assert f'"{message.name_crc}"' in text
    for caller in corpus.services:
        assert f"vapi_alloc_{caller}(struct vapi_ctx_s *ctx" in text
        assert f" vapi_{caller}(" in text or f"\nvapi_{caller}(" in text


def swap_check(model: Model, include: Path, to: Path, *flags: str) -> Path:
    """Build swap_check.c with the headers of a model."""
    unit = to / "all.c"
    unit.write_text(includes(model) + definitions(model, all_of_them=True))
    # Of the library only this: nobody calls the functions that send.
    sources = [unit, Path(__file__).with_name("swap_check.c"), CSRC / "registry.c"]
    if not {file.name for file in model}.issuperset(OF_THE_LIBRARY):
        sources.append(CSRC / "vapi_ids.c")
    program = to / "swap_check"
    command = [CC, "-std=c11", "-D_GNU_SOURCE", "-g", "-pthread", *flags, f"-I{include}"]
    command += [f"-I{CSRC}", f"-I{CSRC / 'include'}", "-o", str(program), *map(str, sources)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[:4000]
    return program


def records(model: Model, rounds: int) -> tuple[bytes, int]:
    """Random messages for swap_check, and how many."""
    values = Values(2606, model.types.values())
    out = bytearray()
    count = 0
    for message in model.messages.values():
        for _ in range(rounds):
            both = values.message(message)
            name = message.name_crc.encode()
            out += struct.pack("=II", len(name), len(both.host)) + name + both.host + both.wire
            count += 1
    return bytes(out), count


def run_swap_check(program: Path, model: Model, rounds: int) -> None:
    data, count = records(model, rounds)
    done = subprocess.run([program], input=data, capture_output=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr.decode()[:4000]
    assert int(done.stdout) == count


SANITIZERS = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


@pytest.fixture(scope="module")
def feature_check(
    feature_model: Model, feature_headers: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """swap_check for the features, under sanitizers."""
    return swap_check(feature_model, feature_headers, tmp_path_factory.mktemp("swap"), *SANITIZERS)


@pytest.mark.timeout(300)
def test_features_swap_as_the_model_says(feature_model: Model, feature_check: Path) -> None:
    """Host order to network order and back, every shorter length refused, under sanitizers."""
    run_swap_check(feature_check, feature_model, 50)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_all_messages_swap_as_the_model_says(corpus: Model, headers: Path, tmp_path: Path) -> None:
    """2123 messages: unions by discriminator, counts, nested arrays."""
    program = swap_check(corpus, headers, tmp_path, *SANITIZERS)
    run_swap_check(program, corpus, 3)


def test_a_wrong_swap_would_be_found(
    feature_model: Model, feature_headers: Path, tmp_path: Path
) -> None:
    """The comparison itself: one byte changed in the expected bytes."""
    program = swap_check(feature_model, feature_headers, tmp_path)
    data, _ = records(feature_model, 1)
    spoilt = data[:-1] + bytes([data[-1] ^ 1])
    done = subprocess.run([program], input=spoilt, capture_output=True, timeout=60, check=False)
    assert done.returncode == 1
    assert b"wrong in network order" in done.stderr


NUMBER, CLIENT_INDEX, CONTEXT = 0x1234, 0x01020304, 0x0A0B0C0D


# ---- Python and C: a value is encoded by Python; a walk over the model, which knows nothing of
# ---- either, turns the bytes into host order; C makes each of the other.


def encoded(model: Model, scope: Scope, seed: int) -> tuple[bytes, int]:
    """Every message with random values, as records for swap_check, and how many."""
    order = HostOrder(model.types.values())
    values = PythonValues(seed)
    out = bytearray()
    for message in model.messages.values():
        codec = scope.codec(message.name)
        value = codec.cls(**values.of_block(codec))
        wire = codec.encode_value(value, NUMBER, CLIENT_INDEX, CONTEXT)
        assert codec.decode(wire) == value
        name = message.name_crc.encode()
        host = order.message(message, wire)
        out += struct.pack("=II", len(name), len(wire)) + name + host + wire
    return bytes(out), len(model.messages)


def scope_of(model: Model) -> Scope:
    return Scope(ParsedDefinitions([to_document(file) for file in model]))


def agree(program: Path, data: bytes, count: int) -> None:
    done = subprocess.run([program], input=data, capture_output=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr.decode()[:4000]
    assert int(done.stdout) == count


@pytest.fixture(scope="module")
def feature_records(feature_model: Model) -> Callable[[int], tuple[bytes, int]]:
    """From a seed; a function, as failures show their arguments, and a model is long."""
    scope = scope_of(feature_model)
    return lambda seed: encoded(feature_model, scope, seed)


@pytest.mark.timeout(300)
@settings(max_examples=8)
@given(seed=st.integers(0, 2**32))
def test_python_and_c_encode_features_alike(
    feature_records: Callable[[int], tuple[bytes, int]], feature_check: Path, seed: int
) -> None:
    agree(feature_check, *feature_records(seed))


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_python_and_c_encode_all_messages_alike(
    corpus: Model, headers: Path, tmp_path: Path
) -> None:
    program = swap_check(corpus, headers, tmp_path, *SANITIZERS)
    scope = scope_of(corpus)
    for seed in range(3):
        data, count = encoded(corpus, scope, seed)
        assert count == 2123
        agree(program, data, count)


def test_output_is_deterministic_and_says_where_it_comes_from(feature_model: Model) -> None:
    file = feature_model.file("demo")
    first = C_EMITTER.emit(file, feature_model, EmitOptions())
    assert first == C_EMITTER.emit(file, feature_model, EmitOptions())
    text = first["vapi/demo.api.vapi.h"]
    lines = text.split("\n")
    assert generator.GENERATOR_VERSION in lines[0]
    assert "demo.api" in lines[1]
    assert f"{file.crc:#010x}" in lines[1]
    assert all(line == line.rstrip() for line in lines)
    assert "\t" not in text
    bare: Mapping[str, str] = CPP_EMITTER.emit(file, feature_model, EmitOptions(banner=False))
    assert generator.GENERATOR_VERSION not in bare["vapi/demo.api.vapi.hpp"].split("\n")[0]


def test_pregenerated_headers_are_current(corpus: Model) -> None:
    """`make -C csrc bindings` would change nothing."""
    for name in OF_THE_LIBRARY:
        for emitter in (C_EMITTER, CPP_EMITTER):
            for path, text in emitter.emit(corpus.file(name), corpus, EmitOptions()).items():
                assert (CSRC / "include" / path).read_text("utf-8") == text, path


def test_names_that_languages_reserve(tmp_path: Path) -> None:
    """A field called `virtual` gets an underscore, for both languages and in every function."""
    model = generator.load_api_text(
        "define odd { u32 client_index; u32 context; };"
        "define odd_reply { u32 context; u16 virtual; u32 new[2]; u16 public;"
        " u32 delete[public]; };",
        "odd.api",
    )
    assert [member(item) for item in model.messages["odd_reply"].payload] == [
        "u16 virtual_;",
        "u32 new_[2];",
        "u16 public_;",
        "u32 delete_[0]; /**< public of them */",
    ]
    include = write_headers(model, tmp_path)
    for suffix, language in (("h", "c"), ("hpp", "c++")):
        text = includes(model, suffix) + definitions(model)
        compile_text(text, include, "-fsyntax-only", language=language)


@pytest.mark.parametrize("before", ["", "#include <vapi/vpe.api.vapi.h>\n"])
@pytest.mark.parametrize("after", ["", "#include <vapi/vpe.api.vapi.hpp>\n"])
def test_ids_of_vpe_without_its_header(before: str, after: str, tmp_path: Path) -> None:
    """VPP's vapi.hpp includes vpe's header, and C++ programs define its ids without more."""
    model = generator.load_api_text(
        "autoreply define m { u32 client_index; u32 context; };", "vpe.api"
    )
    include = write_headers(model, tmp_path)
    text = f"{before}#include <vapi/vapi.hpp>\n{after}DEFINE_VAPI_MSG_IDS_VPE_API_JSON;\n"
    if before or after:
        text += "vapi_msg_id_t *used = &vapi_msg_id_m;\n"
    compile_text(text, include, "-fsyntax-only", language="c++")
