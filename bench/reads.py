"""Reads of a queue's status and of one's own profile, against a bare handler."""

from __future__ import annotations

import asyncio
from statistics import median

from bench.report import Figure
from bench.world import http_load, make_logins, make_queue, world
from qure.domain.actor import Role


def run(*, quick: bool) -> list[Figure]:
    """32 connections, the two in turn, the median of the ratios pair by pair."""
    pairs, seconds = (1, 3) if quick else (5, 5)
    with world("postgres") as made:
        _, queue_id = asyncio.run(make_queue(made.settings))
        (login,) = asyncio.run(make_logins(made.settings, 1, Role.PATIENT, None))
        bare, service = made.start("bench.bare"), made.start_service()
        headers = {"authorization": f"Bearer {login.jwt}"}

        def rate(url: str) -> float:
            job = {"url": url, "connections": 32, "seconds": seconds, "headers": headers}
            result = http_load(job)
            if set(result["statuses"]) != {"200"}:
                raise RuntimeError(f"{url}: {result['statuses']}")
            return float(result["answered"] / result["seconds"])

        def compare(name: str, target: float, path: str, bare_path: str) -> Figure:
            rate(service.url + path)  # warm
            rates = [(rate(service.url + path), rate(bare.url + bare_path)) for _ in range(pairs)]
            ours, ceiling = (median(one) for one in zip(*rates, strict=True))
            return Figure(
                path=name,
                value=median(a / b for a, b in rates),
                target=target,
                at_least=True,
                measured=f"{ours:,.0f} requests/s",
                compared_with=f"bare handler: {ceiling:,.0f} requests/s",
            )

        return [
            compare(
                "GET /api/queues/{id}/status, 32 connections",
                0.85,
                f"/api/queues/{queue_id}/status",
                f"/queues/{queue_id}",
            ),
            compare("GET /api/auth/me, 32 connections", 0.80, "/api/auth/me", "/me"),
        ]
