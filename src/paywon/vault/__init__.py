"""Sealed columns of every room: which key seals how many rows, and sealing them anew under the first key."""
