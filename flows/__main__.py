"""Command line of the factory: `python -m flows STAGE`."""

from flows.cli import app, main

__all__ = ["app", "main"]

if __name__ == "__main__":
    main()
