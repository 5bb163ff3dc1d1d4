"""The shop's visitors, as a Locust scenario.

    locust -f bench/shop.py --host http://127.0.0.1:8000
    locust -f bench/shop.py --host http://127.0.0.1:8000 --headless -u 100 -r 20 -t 60s
    locust -f bench/shop.py --tags analytics log-queries
    locust -f bench/shop.py --exclude-tags write-cost        (nobody buys, sells or is tracked)
    locust -f bench/shop.py --shop-scale 0.01 --shop-seed 7  (a database without a manifest)

Visitors act as the seeded accounts: they know addresses, the demo password and the tokens of
sessions from scale and seed, for which the shop is asked. Refusals that are in order, such as the
409 of whoever wanted the last piece too late, are counted by themselves (`checkout: 409`) and are
no failures.

Only Locust may import this module: importing Locust patches the standard library.
"""

from __future__ import annotations

from bench.resale.locust.event_hooks import ShopHooks
from bench.resale.locust.users import Account, Admin, Seller, Shopper, Tracker

__all__ = ["Account", "Admin", "Seller", "Shopper", "Tracker"]

ShopHooks().listen()
