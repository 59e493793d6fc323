"""AudioSetZSL: the dataset and its protocol."""

__version__ = "0.1.0"
