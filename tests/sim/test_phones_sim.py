# SPDX-License-Identifier: Apache-2.0
"""The phones of tests/phones on the simulated core: the same scripts as end to end, and those that take long, since
time costs nothing here. STREET names the program."""
import itertools
import os
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "e2e"), str(TESTS.parent / "tools")]

import pytest  # noqa: E402
from phones import makes, scripts, street  # noqa: E402
from phones.simnet import SimNet  # noqa: E402

DOMAIN = "ims.mnc001.mcc001.3gppnetwork.org"
WHO = {m.name: street.subscriber(m, i) for i, m in enumerate(makes.ALL, 1)}
PAIRS = list(itertools.permutations(makes.ALL, 2))


@pytest.fixture(scope="module")
def core():
    net = SimNet(os.environ["STREET"])
    net.provision(street.provisioning(WHO.values(), DOMAIN))
    s = street.Street(net, DOMAIN, ("192.0.2.10", 5060), "192.0.2.171")
    for m in makes.ALL:
        s.phone(m, WHO[m.name])
    yield s
    net.close_all()


@pytest.fixture
def everybody(core):
    core.complaints.clear()
    yield core
    core.blameless()


@pytest.mark.parametrize("make", makes.ALL, ids=lambda m: m.name)
def test_registers(core, make):
    scripts.register(core, core.phones[make.name])
    core.blameless()


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: f"{p[0].name}-{p[1].name}")
def test_call(everybody, pair):
    a, b = scripts.ready(everybody, *(everybody.phones[m.name] for m in pair))
    scripts.call(everybody, a, b, by_called=PAIRS.index(pair) % 2 == 1)


ROUND = list(zip(makes.ALL, makes.ALL[1:] + makes.ALL[:1]))


def neighbours(make):
    return make.name, next(b for a, b in ROUND if a is make).name


EACH = pytest.mark.parametrize("make", makes.ALL, ids=lambda m: m.name)


@pytest.mark.parametrize("script", [scripts.refuse, scripts.crossed, scripts.cancel, scripts.reconnected,
                                    scripts.another_port, scripts.move, scripts.old_address], ids=lambda s: s.__name__)
@pytest.mark.parametrize("pair", ROUND, ids=lambda p: f"{p[0].name}-{p[1].name}")
def test_script(everybody, script, pair):
    a, b = scripts.ready(everybody, *(everybody.phones[m.name] for m in pair))
    script(everybody, a, b)


@pytest.mark.parametrize("script", [scripts.whole_contact, scripts.subscribe, scripts.refresh, scripts.itself],
                         ids=lambda s: s.__name__)
@EACH
def test_alone(everybody, script, make):
    script(everybody, *scripts.ready(everybody, everybody.phones[make.name]))


@EACH
def test_vanished(everybody, make):
    """Nobody is there: that takes the P-CSCF's timers, and the caller gets an answer for all that."""
    ph, caller = scripts.ready(everybody, *(everybody.phones[n] for n in neighbours(make)))
    try:
        scripts.vanished(everybody, caller, ph)
    finally:
        ph.move(everybody.address())
    scripts.register(everybody, ph)


@EACH
def test_lost_phones_do_not_stay(everybody, make):
    """What a phone that is gone has left behind ends with the time that was granted, an hour at most."""
    ph, caller = scripts.ready(everybody, *(everybody.phones[n] for n in neighbours(make)))
    assert 0 < scripts.granted_seconds(everybody, ph) <= 3600
    ph.vanish()
    everybody.quiet(3700)
    scripts.register(everybody, caller)
    c = caller.call(f"tel:{ph.number}")
    began = everybody.net.now()
    everybody.until(lambda: c.state == "over", "the caller is told", 30)
    assert c.status == 480 and everybody.net.now() - began < 5, c.final.start
    ph.move(everybody.address())
