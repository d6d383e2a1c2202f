#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the generated pages of docs/ anew; `ninja docs` in a build folder calls it. With --check nothing is written:
# exit status 1 when one of them is not what would be made.
set -eu
gen=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
case ${1:-} in
--check)
    status=0
    "$gen/config_reference.sh" --check || status=1
    "$gen/spec_map.py" --same "$gen/../.." || status=1
    "$gen/diameter.py" docs "$gen/../.." --check || status=1
    exit $status
    ;;
esac
"$gen/config_reference.sh"
"$gen/spec_map.py"
"$gen/diameter.py" docs "$gen/../.."
