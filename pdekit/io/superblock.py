"""Keeping a growing HDF5 file readable at every instant, by any reader.

HDF5's single-writer mode orders its writes so that what is on disk is always consistent. But it marks the file as
being written, and a writer that is killed leaves the mark behind: other readers then refuse the file. And the size that
is noted in the file is only brought up to date at the end. Both stand in the superblock, 48 bytes at the head of
the file; here they are set to what a reader needs: no mark, and a size that covers the next frames.

References
----------
HDF5 File Format Specification, section II.A, superblock version 3; checksum: B. Jenkins, *lookup3.c* (2006), hashlittle.
"""

from __future__ import annotations

import os
import struct

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_SIZE = 44  # without the checksum
_MASK = 0xFFFFFFFF


def _rotate(x: int, k: int) -> int:
    return ((x << k) | (x >> (32 - k))) & _MASK


def lookup3(data: bytes) -> int:
    """Jenkins' hash of `data`, as HDF5 uses it for checksums.

    Examples
    --------
    The value that Jenkins' own driver prints for "Four score and seven years ago" with seed zero:

    >>> hex(lookup3(b"Four score and seven years ago"))
    '0x17770551'
    """
    a = b = c = (0xDEADBEEF + len(data)) & _MASK
    at = 0
    while len(data) - at > 12:
        x, y, z = struct.unpack_from("<III", data, at)
        a, b, c = (a + x) & _MASK, (b + y) & _MASK, (c + z) & _MASK
        a = ((a - c) & _MASK) ^ _rotate(c, 4)
        c = (c + b) & _MASK
        b = ((b - a) & _MASK) ^ _rotate(a, 6)
        a = (a + c) & _MASK
        c = ((c - b) & _MASK) ^ _rotate(b, 8)
        b = (b + a) & _MASK
        a = ((a - c) & _MASK) ^ _rotate(c, 16)
        c = (c + b) & _MASK
        b = ((b - a) & _MASK) ^ _rotate(a, 19)
        a = (a + c) & _MASK
        c = ((c - b) & _MASK) ^ _rotate(b, 4)
        b = (b + a) & _MASK
        at += 12
    if at == len(data):
        return c
    x, y, z = struct.unpack("<III", data[at:].ljust(12, b"\0"))
    a, b, c = (a + x) & _MASK, (b + y) & _MASK, (c + z) & _MASK
    c = ((c ^ b) - _rotate(b, 14)) & _MASK
    a = ((a ^ c) - _rotate(c, 11)) & _MASK
    b = ((b ^ a) - _rotate(a, 25)) & _MASK
    c = ((c ^ b) - _rotate(b, 16)) & _MASK
    a = ((a ^ c) - _rotate(c, 4)) & _MASK
    b = ((b ^ a) - _rotate(a, 14)) & _MASK
    c = ((c ^ b) - _rotate(b, 24)) & _MASK
    return c


def open_to_readers(descriptor: int, size: int) -> None:
    """Clear the writer's mark and note `size` as the end of the file, which is grown to it.

    Parameters
    ----------
    descriptor : int
        An open descriptor of the file, readable and writable.
    size : int
        Bytes; beyond what the file holds, the rest is a hole that takes no space on disk.
    """
    head = os.pread(descriptor, _SIZE, 0)
    if head[:8] != _SIGNATURE or head[8] != 3 or head[9] != 8:
        return  # another layout of the superblock: leave it to HDF5
    if os.fstat(descriptor).st_size < size:
        os.ftruncate(descriptor, size)
    head = head[:11] + b"\0" + head[12:28] + struct.pack("<Q", size) + head[36:]
    os.pwrite(descriptor, head + struct.pack("<I", lookup3(head)), 0)


def trim(descriptor: int) -> None:
    """Cut a closed file to the size that HDF5 noted at closing."""
    head = os.pread(descriptor, _SIZE, 0)
    if head[:8] == _SIGNATURE and head[8] == 3 and head[9] == 8:
        (size,) = struct.unpack("<Q", head[28:36])
        if size < os.fstat(descriptor).st_size:
            os.ftruncate(descriptor, size)
