"""Task runs: what the page of a flow run calls a block."""

from flows.task_runs import _run_name


def test_braces_in_what_a_block_is_called_are_no_places_to_fill_in():
    """Prefect formats the name with the parameters of the task, as it does here."""
    assert _run_name("settings", {"seed": 3}).format(block="x") == "settings {'seed': 3}"
