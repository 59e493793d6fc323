"""Prefect plug-in: `prefect deployment run x` means x/x, since a flow and its deployment share a name here."""

from typing import Any

from prefect.plugins import HookContext, register_hook


def qualified(name: str) -> str:
    """`FLOW/DEPLOYMENT` as it is, and a bare name as both."""
    return name if "/" in name else f"{name}/{name}"


@register_hook
def setup_environment(*, ctx: HookContext) -> None:
    """Let Prefect's clients look deployments up by a bare name.

    Prefect calls this hook on import, in this checkout alone (prefect.toml). It has no setting for what we
    want, so two methods of its own are wrapped; a Prefect that has them elsewhere keeps its stock behaviour.
    """
    try:
        from prefect.client.orchestration._deployments.client import DeploymentAsyncClient, DeploymentClient

        # Both are looked up before the first is wrapped: all or nothing.
        stock = [
            (owner, owner.read_deployment_by_name) for owner in (DeploymentClient, DeploymentAsyncClient)
        ]
    except (ImportError, AttributeError) as problem:
        ctx.logger_factory("audiosetzsl").debug("Deployments need their full name: %s", problem)
        return
    for owner, method in stock:
        _accept_bare_names(owner, method)


def _accept_bare_names(owner: type, method: Any) -> None:
    # Not async: of the asynchronous client it hands on the coroutine.
    def read_deployment_by_name(self: Any, name: str) -> Any:
        return method(self, qualified(name))

    owner.read_deployment_by_name = read_deployment_by_name  # type: ignore[attr-defined]
