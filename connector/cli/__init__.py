"""The command line: `connector <noun> <verb>`, one module per noun, each a client of the private listener.

A command parses, calls and prints; it decides nothing. Only `init` works on the home's files itself, and `policies` on policy
files, with the policy room and nothing else. Only `output.py` prints,
only `api.py` calls the private listener. A noun's module is imported when its noun is typed, so that `--help` is quick.
"""
