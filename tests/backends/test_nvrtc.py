"""NVIDIA's compiler takes the kernels, where its wheel nvidia-cuda-nvrtc is installed; no GPU is needed."""

import ctypes
import sys
from pathlib import Path

import pytest

from torusflow.backends.cuda.work import LOADS, SOURCE

LIBRARIES = [found for path in sys.path for found in Path(path).glob("nvidia/**/libnvrtc.so*")]
pytestmark = pytest.mark.skipif(not LIBRARIES, reason="nvidia-cuda-nvrtc is not installed")
CONSTANTS = {"POINTS": 64, "N1": 4, "N2": 4, "NH": 3, "KEPT1": 3, "KEPT2": 2}


def log_of(source: str, architecture: str) -> tuple[int, str]:
    """What it returns, 0 where it compiles, and what it says."""
    nvrtc, program, size = ctypes.CDLL(str(LIBRARIES[0])), ctypes.c_void_p(), ctypes.c_size_t()
    options = (ctypes.c_char_p * 2)(f"--gpu-architecture={architecture}".encode(), b"--std=c++17")
    assert nvrtc.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernels.cu", 0, None, None) == 0
    result = nvrtc.nvrtcCompileProgram(program, len(options), options)
    assert nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size)) == 0
    log = ctypes.create_string_buffer(size.value)
    assert nvrtc.nvrtcGetProgramLog(program, log) == 0
    nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
    return result, log.value.decode()


@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
def test_the_kernels_compile(architecture):
    assert log_of(SOURCE.read_text(), architecture) == (0, "")
    assert log_of("__global__ void broken() { nothing; }", architecture)[0] != 0


@pytest.mark.parametrize("fields", [1, 3])
def test_what_transforms_load_compiles(fields):
    named = "".join(f"#define {name} {value}u\n" for name, value in (CONSTANTS | {"FIELDS": fields}).items())
    use = """
extern "C" __global__ void use(const u64* info, double2* lines, double* fluxes) {
    lines[threadIdx.x] = line_at(info, threadIdx.x);
    fluxes[threadIdx.x] = flux_at(info, threadIdx.x);
}
"""
    result, log = log_of(named + LOADS.read_text() + use, "sm_90")
    assert result == 0 and "error" not in log
