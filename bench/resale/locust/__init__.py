"""The visitors of a served shop: what they ask, who they are, how they are started.

`calls` turns operations into requests and knows no Locust; `people` and `options` are
Locust's, and importing Locust patches the standard library: only bench/shop.py imports them.
None of them imports the application: any deployment of the same API can be visited.
"""
