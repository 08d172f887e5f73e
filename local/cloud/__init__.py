"""Amazon ECR and Amazon Inspector in this process: today's answers, limits, losses and oddities.

Modules, each of which imports only those before it: ``partitions``, ``faults``, ``findings``,
``images``, ``manifests``, ``repositories``, ``events`` and ``requests`` are values and rules;
``contents`` holds a registry's images and ``scans`` what becomes of them over time; ``describing``,
``scanning``, ``configuration``, ``coverage`` and ``tagging`` answer the operations; ``registry``
puts them together. ``local.ecr`` lets boto3 reach it.

The time is whatever clock it is given. No call looks at more images than it answers.
"""
