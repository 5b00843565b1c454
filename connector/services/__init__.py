"""One function per verb: the only door to the store for the listeners, the worker and the pages.

A service gathers what it needs, decides inside one unit of work, and answers after the commit. It knows nothing of HTTP.
"""
