"""Hanging rules: how images are shown when they are opened."""

from __future__ import annotations

from fastapi import APIRouter

from medvox.server.looking import hanging

router = APIRouter(tags=["hanging"])
own = APIRouter(tags=["hanging"])
"""Requests that change the rules of the user whose machine this is; a node has none of them."""


@router.get("/hanging", operation_id="hanging")
def hanging_rules() -> list[hanging.HangingRule]:
    """Rules in the order in which they are tried: the user's own, then the shipped ones."""
    return hanging.all_rules()


@own.post("/hanging", operation_id="save_hanging")
def save_hanging(rule: hanging.HangingRule) -> list[hanging.HangingRule]:
    """Keep a rule in the user's data folder; one of the same name is replaced."""
    return hanging.save_rule(rule)


@own.delete("/hanging/{name}", operation_id="remove_hanging")
def remove_hanging(name: str) -> list[hanging.HangingRule]:
    """Remove a rule of the user."""
    return hanging.remove_rule(name)
