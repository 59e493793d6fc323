"""Recording: the same stage as a Prefect flow, its blocks as task runs."""

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from prefect import flow
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.task_runs import PrefectTasks


def record(stage: Callable[..., Any], workers: int | None = None) -> Callable[..., Any]:
    """Wrap a stage so that a call is a flow run; a stage that works on blocks gets the runner of tasks.

    `workers` of them go on side by side, by default one a core.
    """
    signature = inspect.signature(stage)
    runner = {"runner": PrefectTasks(workers)} if "runner" in signature.parameters else {}

    @flow(name=stage.__name__.replace("_", "-"), persist_result=False)
    def work(**parameters: Any) -> Any:
        return stage(**parameters, **runner)

    def recorded(*arguments: Any, **named: Any) -> Any:
        with one_server():
            # By name, so that Prefect shows them.
            return work(**signature.bind(*arguments, **named).arguments)

    return recorded


def one_server() -> AbstractContextManager[Any]:
    """Start Prefect's temporary server where none is named, and name it: else each process starts its own."""
    if PREFECT_API_URL.value():
        return nullcontext()
    # Imported here: it takes seconds, and is Prefect's way to a server that ends with this process.
    from prefect.server.api.server import SubprocessASGIServer

    server = SubprocessASGIServer()
    server.start()
    return temporary_settings({PREFECT_API_URL: server.api_url})
