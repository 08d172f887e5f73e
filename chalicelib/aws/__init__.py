"""The AWS calls, one thin module a service; each class takes its boto3 client as an argument."""
