# SPDX-License-Identifier: Apache-2.0
"""The lab with nodes and phones that nobody here wrote. What each of them needs is told in docs/interop.md."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
