# SPDX-License-Identifier: Apache-2.0
"""Phones of six makes on one core, each with its own words and its own transports; every pair calls each other."""
import itertools

import pytest
from phones import makes, scripts

PAIRS = list(itertools.permutations(makes.ALL, 2))
EACH = pytest.mark.parametrize("make", makes.ALL, ids=lambda m: m.name)
# Each make as one side, without every pair.
ROUND = pytest.mark.parametrize("pair", list(zip(makes.ALL, makes.ALL[1:] + makes.ALL[:1])),
                                ids=lambda p: f"{p[0].name}-{p[1].name}")


@pytest.fixture(autouse=True)
def nothing_improper(everybody):
    everybody.complaints.clear()
    yield
    everybody.blameless()


def both(everybody, pair):
    return scripts.ready(everybody, *(everybody.phones[m.name] for m in pair))


def one(everybody, make):
    return scripts.ready(everybody, everybody.phones[make.name])[0]


@EACH
def test_whole_contact(everybody, make):
    scripts.whole_contact(everybody, everybody.phones[make.name])


@EACH
def test_granted(everybody, make):
    """600000 seconds are asked for; a phone that is lost does not stay for a week."""
    assert 0 < scripts.granted_seconds(everybody, everybody.phones[make.name]) <= 3600


@EACH
def test_subscribe(everybody, make):
    scripts.subscribe(everybody, one(everybody, make))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: f"{p[0].name}-{p[1].name}")
def test_call(everybody, pair):
    a, b = both(everybody, pair)
    scripts.call(everybody, a, b, by_called=PAIRS.index(pair) % 2 == 1)


@pytest.mark.parametrize("pair", [p for p in PAIRS if p[0].video and p[1].video],
                         ids=lambda p: f"{p[0].name}-{p[1].name}")
def test_video(everybody, pair):
    scripts.call(everybody, *both(everybody, pair), video=True)


@ROUND
def test_refused(everybody, pair):
    scripts.refuse(everybody, *both(everybody, pair))


@ROUND
def test_crossed(everybody, pair):
    scripts.crossed(everybody, *both(everybody, pair))


@EACH
def test_itself(everybody, make):
    scripts.itself(everybody, one(everybody, make))


@ROUND
def test_cancelled(everybody, pair):
    scripts.cancel(everybody, *both(everybody, pair))


@EACH
def test_refresh(everybody, make):
    scripts.refresh(everybody, one(everybody, make))


@ROUND
def test_reconnected(everybody, pair):
    scripts.reconnected(everybody, *both(everybody, pair))


@ROUND
def test_another_port(everybody, pair):
    scripts.another_port(everybody, *both(everybody, pair))


@ROUND
def test_moved(everybody, pair):
    a, b = both(everybody, pair)
    scripts.move(everybody, a, b)


@ROUND
def test_old_address(everybody, pair):
    scripts.old_address(everybody, *both(everybody, pair))


@EACH
def test_leaves_and_comes_back(everybody, make):
    ph = one(everybody, make)
    scripts.deregister(everybody, ph)
    scripts.register(everybody, ph)
