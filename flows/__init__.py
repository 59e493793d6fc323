"""The factory: stages as plain functions, and the only room that imports Prefect."""
