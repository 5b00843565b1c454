"""The linter: what is wrong, doubtful or worth knowing about a policy file, each finding with a stable rule id and its place.

`check.py` runs it; the other files hold the rules by subject. It reads documents and decides nothing: a policy with findings
is evaluated as it stands.
"""
