"""Gates: who else is asked before a question goes out; with a Prefect server, its limits hold for all machines."""

from collections.abc import Callable

from audiosetzsl.errors import SetupError

# Called before each question with the name of the egress; comes back when it may go out.
Gate = Callable[[str], None]


def open_gate(egress: str) -> None:
    """Let everybody pass: the egress's own bucket is all there is."""


def prefect_gate(egress: str) -> None:
    """Wait for a slot of the server's global concurrency limit `youtube-<egress>`.

    Raises:
        SetupError: there is no such limit; Prefect by itself would only warn, and let everybody pass.
    """
    from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
    from prefect.concurrency.sync import rate_limit

    name = f"youtube-{egress}"
    try:
        rate_limit(name, strict=True)
    except ConcurrencySlotAcquisitionError as problem:
        raise SetupError(
            f"Prefect's server has no limit {name!r}; make it, 300 an hour for example: "
            f"prefect gcl create {name} --limit 1 --slot-decay-per-second 0.083"
        ) from problem
