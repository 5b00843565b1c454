"""What a bundle proves: each check and what came of it, from the bundle's own bytes and nothing else.

The checks that need no signature are in `consistency.py`, those of signatures in `signatures.py`. A finding's `code` is a
sentence of the texts catalogue. What no check can know is whether the keys are the parties' own: see `trusted`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Final

from connector.evidence import bundle, consistency, contents, page, signatures
from connector.evidence.contents import Contents, Malformed
from connector.evidence.finding import Finding

CHECKS: Final[tuple[Callable[[Contents], Iterator[Finding]], ...]] = (
    signatures.made,
    consistency.agreement,
    consistency.messages,
    consistency.sequence,
    consistency.terms,
    signatures.seals,
    signatures.sides,
    signatures.keys,
    consistency.journal,
    signatures.heads,
)


def verify(data: bytes, trusted: Collection[str] = ()) -> list[Finding]:
    """Return what holds and what does not in a bundle.

    Args:
        data: the file's bytes.
        trusted: fingerprints (RFC 7638) that the reader knows from elsewhere; each must have signed something here.

    Raises:
        Invalid: the file is no bundle: `bundle_unreadable`, `bundle_too_large`, `bundle_name`, `bundle_format`.
    """
    files = bundle.unpack(data)
    try:
        about = contents.about(files)
        found = list(consistency.files(files, about))
        whole = contents.read(files, about)
    except Malformed as error:
        return [Finding("contents", ok=False, code="verify_contents_bad", values={"file": str(error)})]
    for check in CHECKS:
        found += check(whole)
    found += _page(whole)
    return found + list(signatures.trust(whole, trusted))


def holds(findings: Collection[Finding]) -> bool:
    """Tell whether everything holds."""
    return all(finding.ok for finding in findings)


def _page(whole: Contents) -> Iterator[Finding]:
    """Compare the page with what the data say; a page in other words than ours can only be said to be the maker's."""
    shown = whole.files.get("contract.html", b"")
    if shown == page.render(whole):
        yield Finding("page", ok=True, code="verify_page_ok")
    elif page.generator().encode() in shown:
        yield Finding("page", ok=False, code="verify_page_bad")
    else:
        yield Finding("page", ok=True, code="verify_page_other")
