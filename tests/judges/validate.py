"""Validates a stream of objects with kubernetes-validate, strictly, against several Kubernetes versions.

    validate.py FILE VERSION...

Its command line loads the schemas for each object; here they are kept, so that thousands of objects can be judged.
A kind without a schema is an error here. Exit: 0 all valid, 1 not.
"""

import functools
import json
import multiprocessing
import os
import re
import sys

import yaml
from kubernetes_validate import utils

# The schemas of a version are 2 MB and are read for each object unless they are kept; the folder of all of them is listed.
utils.schema_contents = functools.cache(utils.schema_contents)
utils.all_versions = functools.cache(utils.all_versions)

# Objects that differ in these only, such as the StatefulSets of a cluster's shards, are judged once: the number of a random
# cluster, a shard, a hash, a derived port.
NUMBERS = re.compile(r'orders-\d{3}|-shard-\d+|(?<=/shard": ")\d+|\b[0-9a-f]{10}\b|\b2\d{4}\b')


def mistakes(objects, version):
    for item in objects:
        name = f"{item.get('kind')} {item.get('metadata', {}).get('name')}"
        try:
            used = utils.validate(item, version, strict=True)
            if used != version:
                yield f"{version}: there are no schemas, only those of {used}"
                return
        except utils.ValidationError as error:
            path = ".".join(str(part) for part in error.path)
            yield f"{version}: {name}: {path}: {error.message[:400]}"
        except utils.SchemaNotFoundError as error:
            yield f"{version}: {name}: {error.message}"


def judge(version):
    return list(mistakes(OBJECTS, version))


def main():
    global OBJECTS
    file, *versions = sys.argv[1:]
    with open(file, encoding="utf-8") as stream:
        objects = list(yaml.load_all(stream, Loader=yaml.CSafeLoader))
    OBJECTS = list({NUMBERS.sub("", json.dumps(item)): item for item in objects}.values())
    # Forked, so that the objects are there without being copied.
    with multiprocessing.get_context("fork").Pool(os.cpu_count()) as pool:
        found = [line for lines in pool.map(judge, versions, chunksize=1) for line in lines]
    for line in found:
        print(line)
    if found:
        sys.exit(1)
    print(f"{len(objects)} objects are valid in {len(versions)} versions")


main()
