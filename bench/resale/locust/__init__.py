"""The visitors of a served shop under Locust: who they are, and which shop they are sent to.

Importing Locust patches the standard library: only bench/shop.py imports these modules. None of
them imports the application: any deployment of the same API can be visited.
"""
