# SPDX-License-Identifier: Apache-2.0
"""Telephones as real ones are: what six makes write into their messages and by which transport they send each of
them, with identities of our own (PLMN 001/01). They speak over real sockets or over the simulated network (net.py,
simnet.py); scripts.py has what is done with them."""
