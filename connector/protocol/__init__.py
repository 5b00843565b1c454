"""The Dataspace Protocol 2025-1 as values and functions: tables of states, rules of turn-taking, messages, catalogues.

Pure: no I/O, no clock, no randomness, no logging. It never asks which side we are beyond the role a process holds.
"""
