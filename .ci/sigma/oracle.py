"""Matches Sigma rules with records, independently of Outflow: pySigma reads the rules, filters and
placeholders, and what it makes of them is evaluated here.

    oracle.py JOB.json

The job states the file of rules, the placeholders, and a file of records, a JSON object a line:
{"source": …, "record": …}, or "row" in place of "record" for a table's. The output is JSON: for
every rule, by id, the numbers of the records that it matches, or the reason why pySigma refuses it.
"""
import datetime, ipaddress, json, re, sys, uuid

import yaml
from sigma.collection import SigmaCollection
from sigma.conditions import ConditionAND, ConditionNOT, ConditionOR, ConditionFieldEqualsValueExpression
from sigma.processing.pipeline import ProcessingItem, ProcessingPipeline
from sigma.processing.transformations import ValueListPlaceholderTransformation
from sigma.types import (
    CompareOperators, SigmaBool, SigmaCasedString, SigmaCIDRExpression, SigmaCompareExpression, SigmaExists,
    SigmaExpansion, SigmaFieldReference, SigmaNull, SigmaNumber, SigmaRegularExpression, SigmaString,
    SigmaTimestampPart, SpecialChars,
)


class Loader(yaml.SafeLoader):
    """YAML 1.2, as the specification has it: yes, no, on and off are texts."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, exp) for tag, exp in list_ if tag not in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")]
    for first, list_ in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))

# What docs/rules.md says about the logs and their fields, once more.
PRODUCTS = {
    "aws": "aws_cloudtrail", "m365": "m365", "google_workspace": "google_workspace", "okta": "okta", "github": "github",
    "slack": "slack", "box": "box", "dropbox": "dropbox", "salesforce": "salesforce",
}
ALIASES = {
    "m365": {"eventsource": ["workload"], "eventname": ["operation", "name"], "status": ["resultstatus"]},
    "google_workspace": {
        "eventname": ["events.name", "event.name", "name", "event_name", "protopayload.metadata.event.eventname"],
        "eventtype": ["events.type", "event.type", "type", "event_type", "protopayload.metadata.event.eventtype"],
        "eventservice": ["protopayload.servicename"],
        "actor": ["actor.email", "email", "protopayload.authenticationinfo.principalemail"],
        "actor.email": ["email", "protopayload.authenticationinfo.principalemail"],
        "ipaddress": ["ip_address", "protopayload.requestmetadata.callerip"],
    },
}
LISTS = {
    "m365": ["parameters", "extendedproperties", "modifiedproperties", "operationproperties"],
    "google_workspace": ["events.parameters", "event.parameters", "parameters", "protopayload.metadata.event.parameter"],
}
VALUES = {"value", "newvalue", "intvalue", "boolvalue", "multivalue", "multiintvalue", "multiboolvalue", "multistrvalue"}
SERVICES = {"token": "oauth2", "groups_enterprise": "cloudidentity"}


def source(logsource):
    if (logsource.service or "").startswith("google_workspace"):
        return "google_workspace"
    return PRODUCTS.get(logsource.product)


def text(v):
    return {True: "true", False: "false"}.get(v, str(v)) if isinstance(v, bool) else str(v)


class Record:
    """A record by field: a list of values, in which None is null; no list if the field is missing."""

    def __init__(self, source, line):
        self.source, self.fields, self.words = source, {}, []
        if "row" in line:
            self.table = {fold(k): v for k, v in line["row"].items()}
            self.words = list(line["row"].values())
            return
        self.table = None
        self.walk("", line["record"])

    def add(self, path, v):
        self.fields.setdefault(path, []).append(v)

    def walk(self, path, v):
        if isinstance(v, dict):
            if path:
                self.add(path, json.dumps(v, separators=(",", ":"), ensure_ascii=False))
            if path in LISTS.get(self.source, []):
                low = {k.lower(): x for k, x in v.items()}
                for k in VALUES & low.keys():
                    self.walk_scalars("parameter " + str(low.get("name", "")).lower(), low[k])
            for k, x in v.items():
                self.words.append(k)
                self.walk((path + "." if path else "") + k.lower(), x)
        elif isinstance(v, list):
            if path:
                self.fields.setdefault(path, [])
            for x in v:
                self.walk(path, x)
        else:
            self.add(path, None if v is None else text(v))
            if v is not None:
                self.words.append(text(v))

    def walk_scalars(self, path, v):
        for x in v if isinstance(v, list) else [v]:
            if isinstance(x, dict):
                x = json.dumps(x, separators=(",", ":"), ensure_ascii=False)
            self.add(path, None if x is None else text(x))

    def get(self, field):
        """Whether the field is there, and its values."""
        low = field.lower()
        if self.table is not None:
            cells = [self.table[fold(n)] for n in [low] + ALIASES.get(self.source, {}).get(low, []) if fold(n) in self.table]
            return bool(cells), cells, all(c == "" for c in cells)
        names = [low] + ALIASES.get(self.source, {}).get(low, [])
        if low not in ALIASES.get(self.source, {}):
            names.append("parameter " + low)
        found = [self.fields[n] for n in names if n in self.fields]
        values = [v for f in found for v in f if v is not None]
        if low == "eventservice" and self.source == "google_workspace":
            apps = self.fields.get("id.applicationname", [])
            values += [SERVICES.get(a, a) + ".googleapis.com" for a in apps]
            found += [apps] if apps else []
        empty = not any(v is not None for f in found for v in f) and not any(f == [] for f in found)
        return bool(found), values, empty


def fold(name):
    return re.sub(r'[ ._\-()\[\]"\ufeff]', "", name.strip().lower())


WILD = {SpecialChars.WILDCARD_MULTI: ".*", SpecialChars.WILDCARD_SINGLE: "."}


def compiled(value):
    if id(value) not in CACHE:
        exp = "".join(WILD[p] if isinstance(p, SpecialChars) else re.escape(p) for p in value.s)
        flags = re.DOTALL if isinstance(value, SigmaCasedString) else re.DOTALL | re.IGNORECASE
        CACHE[id(value)] = re.compile(exp, flags)
    return CACHE[id(value)]


def part(value, unit):
    if re.fullmatch(r"\d+", value):
        n = int(value)
        when = datetime.datetime.fromtimestamp(n / (1e6 if n >= 1e14 else 1e3 if n >= 1e11 else 1), datetime.timezone.utc)
    else:
        try:
            when = datetime.datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    return when.isocalendar().week if unit == "week" else getattr(when, unit)


CACHE = {}  # expressions of a rule's texts


def holds(value, v):
    """Whether a value of a record satisfies one of a rule."""
    if isinstance(value, SigmaTimestampPart):
        return part(v, value.timestamp_part.name.lower()) == value.number
    if isinstance(value, SigmaNumber):
        return v == str(value.number)
    if isinstance(value, SigmaBool):
        return v.lower() == text(value.boolean)
    if isinstance(value, SigmaString):
        return compiled(value).fullmatch(v) is not None
    if isinstance(value, SigmaRegularExpression):
        flags = sum(SigmaRegularExpression.sigma_to_python_flags[f] for f in value.flags)
        return re.search(str(value.regexp), v, flags) is not None
    if isinstance(value, SigmaCIDRExpression):
        try:
            return ipaddress.ip_address(v) in ipaddress.ip_network(value.cidr)
        except ValueError:
            return False
    if isinstance(value, SigmaCompareExpression):
        try:
            a, b = float(v), float(value.number.number)
        except ValueError:
            return False
        return {CompareOperators.LT: a < b, CompareOperators.LTE: a <= b, CompareOperators.GT: a > b, CompareOperators.GTE: a >= b}[value.op]
    raise TypeError(type(value))


def refers(value, values, others):
    for v in values:
        for w in others:
            v, w = v.lower(), w.lower()
            if value.starts_with and value.ends_with and w in v or value.starts_with and not value.ends_with and v.startswith(w):
                return True
            if value.ends_with and not value.starts_with and v.endswith(w) or v == w:
                return True
    return False


def match(node, record):
    if isinstance(node, ConditionAND):
        return all(match(a, record) for a in node.args)
    if isinstance(node, ConditionOR):
        return any(match(a, record) for a in node.args)
    if isinstance(node, ConditionNOT):
        return not any(match(a, record) for a in node.args)
    if isinstance(node.value, SigmaExpansion):
        return any(match(type(node)(**{**vars_of(node), "value": v}), record) for v in node.value.values)
    if not isinstance(node, ConditionFieldEqualsValueExpression):
        return any(word(node.value, w) for w in record.words)
    there, values, empty = record.get(node.field)
    if isinstance(node.value, SigmaExists):
        return there == node.value.exists
    if isinstance(node.value, SigmaNull):
        return not there or empty
    if isinstance(node.value, SigmaFieldReference):
        return refers(node.value, values, record.get(node.value.field)[1])
    return any(holds(node.value, v) for v in values)


def vars_of(node):
    return {"field": node.field} if isinstance(node, ConditionFieldEqualsValueExpression) else {}


def word(value, w):
    if isinstance(value, SigmaString):
        return compiled(value).search(w) is not None
    return holds(value, w)


def main():
    job = json.load(open(sys.argv[1]))
    records = {}
    for n, line in enumerate(open(job["records"])):
        x = json.loads(line)
        records.setdefault(x["source"], []).append((n, Record(x["source"], x)))
    documents = list(yaml.load_all(open(job["rules"]), Loader))
    filters = [{k: v for k, v in d.items() if k != "id"} for d in documents if "filter" in d]
    pipeline = ProcessingPipeline([ProcessingItem(ValueListPlaceholderTransformation())], vars=job["placeholders"])
    out = {}
    for d in documents:
        if "filter" in d:
            continue
        known = {**d, "name": d["id"], "id": str(uuid.uuid5(uuid.NAMESPACE_URL, d["id"]))}  # only UUIDs are ids there
        try:
            rule = [r for r in SigmaCollection.from_dicts([known] + filters).rules if getattr(r, "detection", None)][0]
            pipeline.apply(rule)
            conditions = [c.parsed for c in rule.detection.parsed_condition]
        except Exception as e:
            out[d["id"]] = str(e)
            continue
        CACHE.clear()
        out[d["id"]] = [n for n, r in records.get(source(rule.logsource), []) if any(match(c, r) for c in conditions)]
    json.dump(out, sys.stdout)


main()
