"""Tells Schemathesis how a body of application/x-ndjson is written: one value on each line."""

import json

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def ndjson(_ctx, value):
    return (json.dumps(value) + "\n").encode("utf-8")
