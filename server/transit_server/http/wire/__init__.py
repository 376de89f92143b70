"""Bytes and connections: the protocol over llhttp, bodies, and the limits of both."""
