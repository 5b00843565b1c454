"""The demo of `make demo`: starts real connectors, drives them with the program's own commands, and tells what happens.

It knows the connector only as an operator does: by its command line. Its sentences are in `texts/`, never in the code.
"""
