#!/bin/sh
# What a machine with a GPU is for, in under three minutes: the tests of device kernels on the device itself, and the table of ratios.
# From the root of the repository: sh tests/on_device.sh [python]
python=${1:-python3}
root=$(cd "$(dirname "$0")/.." && pwd)
export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}" PDEKIT_CACHE="${PDEKIT_CACHE:-$(mktemp -d)}"
if [ -z "$CUDA_HOME$CUDA_PATH" ] && [ -d /usr/local/cuda ]; then export CUDA_HOME=/usr/local/cuda; fi
cd "$root" || exit 1
"$python" -c "
import numba, numpy
from importlib.metadata import version
from pdekit.kernels.device_memory import device_name
print('numba', numba.__version__, ' numba-cuda', version('numba-cuda'), ' numpy', numpy.__version__, ' on', device_name())" || exit 1
"$python" -c "import xdist" 2>/dev/null && workers="-n 8" || workers=""
# shellcheck disable=SC2086
timeout 90 "$python" -m pytest -q -p no:cacheprovider -p no:benchmark -W default $workers --durations=5 tests/kernels/test_devices.py
tests=$?
timeout 75 "$python" -m tests.benchmarks device
table=$?
echo "tests $tests, table $table"
[ "$tests" -eq 0 ] && [ "$table" -eq 0 ]
