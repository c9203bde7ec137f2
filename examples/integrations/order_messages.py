"""What is done with each message: named by its dotted path where the triggerer calls it."""

import json


def first_order(message):
    """Return something for a message that is an order: the sensor is done then."""
    found = json.loads(message.value())
    return found if found.get("kind") == "order" else None


def as_row(message):
    """An order as a row; None leaves a message out."""
    found = json.loads(message.value())
    return [found["id"], found["item"], found["amount"]] if found.get("kind") == "order" else None
