"""Milliseconds and megabytes of one round of secure aggregation, with nobody absent and with two who fall silent.

All parties run in this process, one after the other; ``mask_ms`` is what one country spends on checking the keys,
agreeing on seeds and masking (median over the countries), ``server_ms`` what the coordinator spends on adding the
vectors and opening the sum, hashes and signatures included.
"""

import argparse
import json
import statistics
import time

import numpy as np
from numpy.typing import NDArray

from benchmarks.circle import Circle, build_circle
from safeborders.models.domain.countries import Country
from safeborders.privacy.aggregation.aggregator import Aggregator

_FRACTION_BITS = 27  # crypto.md 2.3: nine entries of at most 1 stay below 2**31


def measure(*, parties: int, parameters: int, dropouts: int, repeats: int) -> dict[str, float | int]:
    """Return the medians over ``repeats`` rounds."""
    rounds = [_measure_round(parties=parties, parameters=parameters, dropouts=dropouts) for _ in range(repeats)]
    medians = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    return {
        "dropouts": dropouts,
        "mask_ms": round(medians["mask_ms"], 2),
        "server_ms": round(medians["server_ms"], 2),
        "upload_mb": round(medians["upload_mb"], 3),
        "max_error": max(one["max_error"] for one in rounds),
    }


def _measure_round(*, parties: int, parameters: int, dropouts: int) -> dict[str, float]:
    circle = build_circle(list(Country)[:parties])
    context = circle.context(length=parameters)
    chance = np.random.default_rng()
    plain = {country: np.clip(chance.normal(0, 0.2, parameters), -1, 1) for country in circle.countries}
    absent = set(circle.countries[:dropouts])
    left = [country for country in circle.countries if country not in absent]
    aggregator = Aggregator(context, roster=circle.roster)
    for advert in circle.adverts(context).values():
        aggregator.add_advert(advert)
    adverts = aggregator.close_adverts()
    masking, server, size = [], 0.0, 0
    for country in left:
        update = np.rint(plain[country] * 2**_FRACTION_BITS).astype(np.int64)
        started = time.perf_counter()
        upload, content = circle.parties[country].mask(update, context=context, adverts=adverts)
        masking.append(time.perf_counter() - started)
        size = len(content)
        started = time.perf_counter()
        aggregator.add_upload(upload, content=content)
        server += time.perf_counter() - started
    total, opening = _open(circle, aggregator)
    expected = np.sum([plain[country] for country in left], axis=0)
    return {
        "mask_ms": 1e3 * statistics.median(masking),
        "server_ms": 1e3 * (server + opening),
        "upload_mb": size / 1e6,
        "max_error": float(np.abs(total / 2**_FRACTION_BITS - expected).max()),
    }


def _open(circle: Circle, aggregator: Aggregator) -> tuple[NDArray[np.int64], float]:
    context, seconds = aggregator.context, 0.0
    survivors = aggregator.close_uploads()
    left = [Country(name) for name in survivors.vectors]
    confirmed = [circle.parties[country].confirm(survivors, context=context) for country in left]
    started = time.perf_counter()
    for confirmation in confirmed:
        aggregator.add_confirmation(confirmation)
    confirmations = aggregator.close_confirmations()
    seconds += time.perf_counter() - started
    reveals = [circle.parties[country].reveal(confirmations, context=context) for country in left]
    started = time.perf_counter()
    for reveal in reveals:
        aggregator.add_reveal(reveal)
    total = aggregator.open_sum()
    return total, seconds + time.perf_counter() - started


def main() -> None:
    """Measure and print one JSON object as the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parties", type=int, default=9, choices=range(6, len(Country) + 1))
    parser.add_argument("--parameters", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print nothing but the JSON object")
    options = parser.parse_args()
    results = []
    for dropouts in (0, min(2, options.parties - 6)):
        result = measure(
            parties=options.parties, parameters=options.parameters, dropouts=dropouts, repeats=options.repeats
        )
        if not options.json:
            print(f"{dropouts} absent: mask {result['mask_ms']} ms, server {result['server_ms']} ms")
        results.append(result)
    print(json.dumps({"results": results}))


if __name__ == "__main__":
    main()
