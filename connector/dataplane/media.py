"""Media types by file name: a fixed list, so that every machine says the same (pure)."""

from __future__ import annotations

FALLBACK = "application/octet-stream"
LISTING = "application/json"
_TYPES = {
    "csv": "text/csv",
    "geojson": "application/geo+json",
    "gml": "application/gml+xml",
    "gpkg": "application/geopackage+sqlite3",
    "gpx": "application/gpx+xml",
    "gz": "application/gzip",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "json": "application/json",
    "jsonl": "application/jsonl",
    "jsonld": "application/ld+json",
    "kml": "application/vnd.google-earth.kml+xml",
    "md": "text/markdown",
    "ndjson": "application/x-ndjson",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "parquet": "application/vnd.apache.parquet",
    "pdf": "application/pdf",
    "png": "image/png",
    "rdf": "application/rdf+xml",
    "svg": "image/svg+xml",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "tsv": "text/tab-separated-values",
    "ttl": "text/turtle",
    "txt": "text/plain",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xml": "application/xml",
    "zip": "application/zip",
}


def of(name: str) -> str:
    """Return the media type of a file name, without a charset: nobody has told us that."""
    _, dot, ending = name.rpartition(".")
    return _TYPES.get(ending.lower(), FALLBACK) if dot else FALLBACK
