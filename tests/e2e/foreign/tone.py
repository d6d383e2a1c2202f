# SPDX-License-Identifier: Apache-2.0
"""What a phone without a microphone says."""
import math
import wave


def write(path):
    """440 Hz for ten seconds, 8 kHz: a wave file as baresip's aufile takes it."""
    with wave.open(str(path), "wb") as tone:
        tone.setparams((1, 2, 8000, 0, "NONE", ""))
        tone.writeframes(b"".join(int(9000 * math.sin(2 * math.pi * 440 * i / 8000)).to_bytes(2, "little", signed=True)
                                  for i in range(80000)))
