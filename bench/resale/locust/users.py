"""Who visits: the kinds of bench.resale.user_profiles as Locust's users, tagged with families.

Closed users: the next request is sent when the last answer has come and the visitor has thought.
None is ever due, and none late; open arrivals are (bench.load.locust.open_arrivals).
Only Locust may import this module: gevent patches the standard library.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from gevent import GreenletExit
from locust import FastHttpUser, TaskSet, tag
from locust.exception import InterruptTaskSet

from bench.load.locust.process import recorder_of, stand_aside
from bench.load.locust.recorder import send
from bench.resale import user_profiles
from bench.resale.http_requests import REFUSALS, Keys, sampled_request, who_am_i
from bench.resale.locust.options import families_now, plan_of
from bench.resale.locust.served_shop import HOST
from bench.resale.session_plan import itinerary
from bench.study.service import Request
from seeds.plan import sample_parameters, staff

_LONGEST_THINK_S = 120.0
# Locust picks a task from a list: weights with two digits become so many entries.
_ENTRIES = 100
# What follows another request at once, and is no task of its own.
_FOLLOWS = {"who_am_i": "log_in"}

_visitors = itertools.count()
_PROFILES = {kind.name: kind for kind in user_profiles.USER_PROFILES}


class Visitor(FastHttpUser):
    """Anybody: has a generator of their own, thinks for lognormal seconds between requests."""

    abstract = True
    host = HOST
    kind: user_profiles.UserProfile
    _just_came = False

    def on_start(self) -> None:
        """Seed this visitor's draws: by shop, worker process and visitor."""
        stand_aside(self.environment)
        if not self.tasks:
            raise GreenletExit
        plan, nth = plan_of(self.environment), next(_visitors)
        worker = max(getattr(self.environment.runner, "worker_index", 0), 0)
        self.plan, self.rng = plan, np.random.default_rng([plan.seed, worker, nth])
        self.keys = Keys(plan, staff_id=staff(plan)[nth % len(staff(plan))])

    def wait_time(self) -> float:
        """Seconds that this visitor thinks."""
        if self._just_came:
            # Locust waits once more between two of a user's visitors.
            self._just_came = False
            return 0.0
        kind = self.kind
        seconds = float(self.rng.lognormal(np.log(kind.think_median_s), kind.think_sigma))
        seconds = min(seconds, _LONGEST_THINK_S)
        return seconds * float(self.environment.parsed_options.shop_think)

    def ask(self, name: str) -> Any:
        """One request by its name, with freshly drawn parameters; the answer."""
        sampled = sampled_request(
            name, lambda operation: sample_parameters(self.plan, operation, self.rng), self.keys
        )
        return self.send(name, sampled.request)

    def send(self, name: str, request: Request) -> Any:
        """Send a request now."""
        recorder = recorder_of(self.environment)
        return send(self.client, name, request, REFUSALS, recorder=recorder)

    def disconnect(self) -> None:
        """Close the connections: whoever comes next is somebody else."""
        self.client.client.clientpool.close()
        self.client.cookiejar.clear()
        self._just_came = True


Task = Callable[[Any], None]


def _task(name: str, family: str) -> Task:
    """A task that a user runs itself, or a set of tasks for its user."""

    def task(caller: Any) -> None:
        visitor = getattr(caller, "user", caller)
        answer = visitor.ask(name)
        if name == "log_in" and answer.ok:
            token = answer.json().get("token")
            if token is not None:
                visitor.send("who_am_i", who_am_i(token))

    task.__name__ = name
    return cast(Task, tag(family)(task))


def _tasks(kind: user_profiles.UserProfile) -> list[Any]:
    """The tasks of a kind, each as often as its weight."""
    tasks: list[Any] = []
    for task in kind.tasks:
        if task.name not in _FOLLOWS:
            tasks += [_task(task.name, task.family)] * round(_ENTRIES * task.weight)
    return tasks


def _weight(name: str) -> float:
    """How many of a hundred users are of this kind, so that its share of requests comes out.

    A user of lognormal pauses makes a request in median * exp(sigma ** 2 / 2) seconds, the mean
    of that distribution; of what follows another at once, there are more for each pause.
    """
    users = {}
    for kind in user_profiles.USER_PROFILES:
        pauses = sum(task.weight for task in kind.tasks if task.name not in _FOLLOWS)
        requests = sum(task.weight for task in kind.tasks)
        pause_s = kind.think_median_s * float(np.exp(kind.think_sigma**2 / 2))
        users[kind.name] = kind.share * pause_s * pauses / requests
    return round(100 * users[name] / sum(users.values()), 2)


class Session(TaskSet):
    """One shopper, from coming in to leaving; then somebody else comes."""

    tasks = _tasks(_PROFILES["Shopper"])

    def on_start(self) -> None:
        """Decide what to do: so many requests, looking around first, buying last."""
        tasks: list[Any] = self.tasks
        by_name = {task.__name__: task for task in tasks}
        names = itinerary([task.__name__ for task in tasks], self._visitor.rng)
        self._left = [by_name[name] for name in reversed(names)]

    @property
    def _visitor(self) -> Visitor:
        return cast(Visitor, self.user)

    def get_next_task(self) -> Any:
        """What comes next; after the last thing the visitor leaves."""
        if not self._left:
            self._visitor.disconnect()
            raise InterruptTaskSet(reschedule=False)  # type: ignore[no-untyped-call]
        return self._left.pop()


def _only(*tasks: Any) -> list[Any]:
    return list(tasks)


class Shopper(Visitor):
    """Looks around, opens product pages, now and then an order; a few buy or hold something."""

    kind = _PROFILES["Shopper"]
    weight = _weight("Shopper")
    tasks = _only(Session)


class Tracker(Visitor):
    """The script in the pages: sends batches of events while somebody looks around."""

    kind = _PROFILES["Tracker"]
    weight = _weight("Tracker")
    tasks = _tasks(kind)


class Seller(Visitor):
    """Looks whether the shop has answered, accepts an offer, sends in more."""

    kind = _PROFILES["Seller"]
    weight = _weight("Seller")
    tasks = _tasks(kind)


class Account(Visitor):
    """Logs in and asks who that is, or forgot the password."""

    kind = _PROFILES["Account"]
    weight = _weight("Account")
    tasks = _tasks(kind)


class Admin(Visitor):
    """Staff: sell requests first, then dashboards, logs and stock."""

    kind = _PROFILES["Admin"]
    weight = _weight("Admin")
    tasks = _tasks(kind)


_whole: dict[Any, list[Any]] = {}


def keep(environment: Any) -> None:
    """Leave out what the shop of the run that begins does not have.

    Locust takes tags once, before it is known which shop its page names.
    """
    families = families_now(environment)
    for holder in (Session, Tracker, Seller, Account, Admin):
        whole: list[Any] = _whole.setdefault(holder, holder.tasks)
        holder.tasks = [task for task in whole if task.locust_tag_set & families]
