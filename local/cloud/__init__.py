"""Amazon ECR and Amazon Inspector in this process: today's answers, limits, losses and oddities.

Layers, each of which imports only those above it:

- ``partitions``, ``faults``, ``findings``, ``images``, ``enhanced``, ``repositories``,
  ``manifests``, ``events``, ``requests``: values and rules;
- ``contents``, ``scans``, ``pushes``: a registry's images, and what becomes of them over time;
- ``lookups``, ``describing``, ``scanning``, ``configuration``, ``coverage``: the operations;
- ``registry``: all of it together; ``tagging`` answers for its repositories' tags.

``local.ecr`` lets boto3 reach it. The time is whatever clock it is given. No call looks at more
images than it answers, those aside that a filter leaves out.
"""
