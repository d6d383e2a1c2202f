#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the generated pages of docs/ anew; `ninja docs` in a build folder calls it.
set -eu
gen=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
"$gen/config_reference.sh" "$@"
"$gen/spec_map.py"
