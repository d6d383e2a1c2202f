# SPDX-License-Identifier: Apache-2.0
"""The lab: starts the core on loopback, records its messages, draws ladders, runs the demo."""
