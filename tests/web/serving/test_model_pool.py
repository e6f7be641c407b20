"""The pool of models: what loading it costs."""

import subprocess
import sys

import pytest


@pytest.mark.slow
def test_loading_all_models_loads_no_compiler():
    program = (
        "import sys; from denoiser.web.serving.model_pool import ModelPool; ModelPool();"
        "sys.exit(' '.join({'torch._dynamo', 'torch._inductor', 'sympy', 'skimage', 'scipy'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "")
