"""The Municipal Dataspace Connector: municipalities share data directly, with no central platform."""

__version__ = "0.1.0"
