# SPDX-License-Identifier: Apache-2.0
import os
import sys

# Before anything knows the addresses.
if sys.argv[1:2] in (["up"], ["demo"]) and "--ipv6" in sys.argv:
    sys.argv.remove("--ipv6")
    os.environ["CARILLON_FAMILY"] = "6"

from labkit.cli import main  # noqa: E402 pylint: disable=wrong-import-position

sys.exit(main(sys.argv[1:]))
