"""How the loops are put together: what each is given, and what goes from one to another.

events    -> learner   -> model (`Served`), dead letters, acknowledgements, changelog
changelog -> follower  -> model, and the state that a partition begins with
demand    -> learner: snapshots that other instances' askers wait for
requests  -> responder -> replies, forwards (to the events topic)
watch     -> which topics there are, for replies, forwards and the follower
"""

import threading
from collections.abc import Callable
from functools import partial
from uuid import uuid4

from consumer.client import Clients, Door, connections, cover, rejoin
from consumer.context import Context
from consumer.learn import DeadLetters, Demand, Learner, Predictions
from consumer.respond import Acknowledgements, Claim, Forwards, Recreation, Replies, Responder
from consumer.state import Changelog, Follower
from consumer.watch import Group, Topics, Watch

Loops = dict[str, Callable[[threading.Event], None]]
"""The loops by name: each runs until told to stop."""


def wire(context: Context, clients: Clients, door: Door, claim: Claim) -> Loops:
    """The loops, ready to run, each in a thread of its own.

    Args:
        context: What they share.
        clients: Their connections to Kafka.
        door: The watch's way in.
        claim: Whether this application answers.
    """
    settings = context.settings
    recreation = Recreation(clients.requests, settings.requests_topic, clients.requests_id)
    watch = _watch(context, clients, door, recreation)
    replies = Replies(
        clients.replies,
        clients.direct,
        watch.look_soon,
        context.telemetry.requested,
        settings.replies_buffer_bytes,
        settings.application_id,
    )
    forwards = Forwards(
        clients.forwards,
        settings.events_topic,
        lambda: recreation.topic_id,
        len(clients.requests.partitions_for_topic(settings.requests_topic)),
    )
    writer = uuid4().bytes
    follower = Follower(context, clients.changelog, writer, clients.log.partitions)
    demand = Demand(context, clients.demand, clients.snapshots)
    learner = _learner(context, clients, follower, replies, demand, writer)
    responder = Responder(
        context,
        clients.requests,
        replies,
        forwards,
        claim,
        partitions=clients.log.partitions,
        ask=demand.ask,
    )

    def saw(topics: Topics | None, now: float) -> bool:
        """The watch's news for the other loops; whether a reply waits."""
        follower.widen((topics or {}).get(settings.changelog_topic, 0))
        if requests := (topics or {}).get(settings.requests_topic):
            forwards.divide(requests)
        responder.widen((topics or {}).get(settings.events_topic, 0))
        ours, permissions = settings.replies_topic, context.permissions
        denied = () if permissions.may_write(ours) else (ours,)
        return replies.deliver_waiting(permissions.writable(topics), now, denied)

    return {
        "follower": follower.run,
        "demand": demand.run,
        "learner": learner.run,
        "responder": lambda stop: responder.run(stop, follower.loaded),
        "watch": lambda stop: watch.run(stop, replies.topics, saw, claim.look),
    }


def _watch(context: Context, clients: Clients, door: Door, recreation: Recreation) -> Watch:
    settings = context.settings
    return Watch(
        door,
        context.permissions,
        context.health,
        {
            settings.events_topic: "what comes there is learned when they have one again",
            settings.requests_topic: "what is asked there is answered when they have one again",
            settings.replies_topic: "replies to them wait",
            settings.changelog_topic: "what is learned of these partitions is not saved",
            settings.demand_topic: "questions for another instance's positions wait longer",
            settings.dead_letter_topic: "dead letters go to the others",
            **(
                {settings.predictions_topic: "predictions go to the others"}
                if settings.predictions_topic is not None
                else {}
            ),
        },
        settings.events_topic,
        clients.log.topic_id,
        groups=[
            Group(
                connections.group_id(settings, "learner"),
                settings.events_topic,
                partial(rejoin, clients.events),
            ),
            Group(
                connections.group_id(settings, "responder"),
                settings.requests_topic,
                partial(rejoin, clients.requests),
                recreation.saw,
            ),
        ],
    )


def _learner(
    context: Context,
    clients: Clients,
    follower: Follower,
    replies: Replies,
    demand: Demand,
    writer: bytes,
) -> Learner:
    settings = context.settings
    dead_letters = DeadLetters(
        clients.dead_letters,
        settings.dead_letter_topic,
        settings.dead_letters_buffer_bytes,
        settings.application_id,
        context.telemetry.dead_letter_failed,
    )
    changelog = Changelog(
        context,
        clients.snapshots,
        follower,
        writer=writer,
        topic_id=clients.log.topic_id,
        cover=lambda: cover(settings),
    )
    acknowledgements = Acknowledgements(replies, settings.replies_topic, settings.may_reply_to)
    predictions = None
    if settings.predictions_topic is not None:
        predictions = Predictions(
            clients.dead_letters,
            settings.predictions_topic,
            settings.dead_letters_buffer_bytes,
            settings.application_id,
            context.telemetry,
            context.precedence,
        )
    return Learner(
        context, clients.events, dead_letters, acknowledgements, changelog, demand, predictions
    )
