"""Recording: the same stage as a Prefect flow, its blocks as task runs."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

from prefect import flow

from flows.runner import PrefectTasks


def record(stage: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a stage so that a call is a flow run; a stage that works on blocks gets the runner of tasks."""
    takes_runner = "runner" in inspect.signature(stage).parameters

    @wraps(stage)
    def recorded(*arguments: Any) -> Any:
        def work() -> Any:
            return stage(*arguments, **({"runner": PrefectTasks()} if takes_runner else {}))

        name = stage.__name__.replace("_", "-")
        return flow(name=name, persist_result=False)(work)()

    return recorded
