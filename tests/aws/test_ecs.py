"""ECS: the images that tasks, services and task definitions use."""

from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError

from chalicelib.aws.ecs import EcsWorkloads
from chalicelib.ecr.uses import ImageUse

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
DIGEST = "sha256:" + "1" * 64


@pytest.fixture
def ecs(aws):
    client = boto3.client("ecs")
    client.create_cluster(clusterName="shop")
    for family in ("web", "batch", "unused"):
        client.register_task_definition(
            family=family,
            containerDefinitions=[
                {"name": "main", "image": f"{HOST}/{family}:1", "memory": 64},
                {"name": "proxy", "image": "envoy:1", "memory": 64},
            ],
        )
    return client


def images(ecs, **options):
    return [use for use in EcsWorkloads(ecs, **options).images() if "ecr" in use.uri]


def test_a_services_task_definition_is_in_use_once_however_many_services_share_it(ecs):
    for service in ("front", "back"):
        ecs.create_service(cluster="shop", serviceName=service, taskDefinition="web")
    [use] = images(ecs)
    assert use.uri == f"{HOST}/web:1"
    assert use.where in ("ECS service front in shop", "ECS service back in shop")


def test_what_another_controller_deploys_is_in_use(ecs):
    ecs.create_service(
        cluster="shop", serviceName="front", deploymentController={"type": "EXTERNAL"}
    )
    ecs.create_task_set(cluster="shop", service="front", taskDefinition="web")
    [use] = images(ecs)
    assert (use.uri, use.where) == (f"{HOST}/web:1", "ECS service front in shop")


def test_more_services_than_one_call_describes(ecs):
    for number in range(11):
        ecs.register_task_definition(
            family=f"f{number}",
            containerDefinitions=[{"name": "main", "image": f"{HOST}/f{number}:1", "memory": 64}],
        )
        ecs.create_service(cluster="shop", serviceName=f"s{number}", taskDefinition=f"f{number}")
    assert len({use.uri for use in images(ecs)}) == 11


def test_a_running_tasks_digest_is_in_use(ecs):
    """moto's tasks have no containers, so their description is given here, as AWS documents it."""
    task = {
        "group": "family:batch",
        "containers": [
            {"name": "main", "image": f"{HOST}/batch:1", "imageDigest": DIGEST},
            {"name": "starting"},
        ],
    }
    arns = {"taskArns": ["arn:aws:ecs:eu-west-1:123456789012:task/shop/1"]}
    call = boto3.client("ecs")._make_api_call
    answers = {"ListTasks": arns, "DescribeTasks": {"tasks": [task]}}

    def answer(operation, parameters):
        return answers.get(operation) or call(operation, parameters)

    with patch.object(ecs, "_make_api_call", side_effect=answer):
        found = images(ecs)
    assert found == [
        ImageUse(f"{HOST}/batch:1", "ECS task of family:batch in shop", DIGEST),
    ]


@pytest.fixture
def refused(ecs):
    """Let ECS answer an operation about something with an error."""
    ecs.create_cluster(clusterName="jobs")
    for cluster, family in (("shop", "web"), ("jobs", "batch")):
        ecs.create_service(cluster=cluster, serviceName="s", taskDefinition=family)
    call = boto3.client("ecs")._make_api_call

    def refuse(code, refused, about="", message=""):
        def answer(operation, parameters):
            if operation == refused and about in str(parameters):
                raise ClientError({"Error": {"Code": code, "Message": message}}, operation)
            return call(operation, parameters)

        return patch.object(ecs, "_make_api_call", side_effect=answer)

    return refuse


@pytest.mark.parametrize("operation", ["ListTasks", "ListServices", "DescribeServices"])
def test_a_cluster_that_was_deleted_meanwhile_costs_no_other(ecs, refused, operation):
    with refused("ClusterNotFoundException", operation, "shop"):
        found = {use.uri for use in images(ecs)}
    assert f"{HOST}/batch:1" in found
    assert (f"{HOST}/web:1" in found) == (operation == "ListTasks")


@pytest.mark.parametrize(
    ("operation", "about"), [("DescribeServices", "shop"), ("DescribeTaskDefinition", "web")]
)
def test_what_cannot_be_read_costs_no_other_and_is_said_to_be_missing(
    ecs, refused, operation, about
):
    found = []
    with refused("ServerException", operation, about), pytest.raises(ClientError):
        found.extend(use.uri for use in EcsWorkloads(ecs).images())
    assert f"{HOST}/batch:1" in found
    assert f"{HOST}/web:1" not in found


def test_a_task_definition_that_was_deleted_meanwhile_is_skipped(ecs, refused):
    message = "Unable to describe task definition."
    with refused("ClientException", "DescribeTaskDefinition", "web", message):
        found = {use.uri for use in images(ecs, all_task_definitions=True)}
    assert found == {f"{HOST}/batch:1", f"{HOST}/unused:1"}


def test_what_else_is_wrong_with_a_task_definition_is_said(ecs, refused):
    message = "Too many concurrent attempts to describe it."
    with (
        refused("ClientException", "DescribeTaskDefinition", "web", message),
        pytest.raises(ClientError, match=message),
    ):
        images(ecs)


def told_before_failing(ecs, **options):
    """The repositories that are told before the listing fails."""
    found = []
    with pytest.raises(ClientError):
        found.extend(use.uri for use in EcsWorkloads(ecs, **options).images() if "ecr" in use.uri)
    return {uri.removeprefix(f"{HOST}/") for uri in found}


def test_services_images_are_told_where_task_definitions_may_not_be_listed(ecs, refused):
    with refused("AccessDeniedException", "ListTaskDefinitions"):
        found = told_before_failing(ecs, all_task_definitions=True)
    assert found == {"web:1", "batch:1"}


@pytest.mark.parametrize("operation", ["ListTasks", "ListServices"])
def test_what_known_services_use_is_told_where_the_clusters_after_them_are_throttled(
    ecs, refused, operation
):
    with refused("ThrottlingException", operation, "jobs"):
        assert told_before_failing(ecs) == {"web:1"}


def test_task_definitions_are_told_where_clusters_may_not_be_listed(ecs, refused):
    with refused("AccessDeniedException", "ListClusters"):
        found = told_before_failing(ecs, all_task_definitions=True)
    assert found == {"web:1", "batch:1", "unused:1"}


def test_each_task_definition_is_read_once(ecs):
    ecs.create_service(cluster="shop", serviceName="front", taskDefinition="web")
    with patch.object(
        ecs, "_make_api_call", side_effect=boto3.client("ecs")._make_api_call
    ) as call:
        found = images(ecs, all_task_definitions=True)
    assert [use.where for use in found if "/web" in use.uri] == ["ECS service front in shop"]
    operations = [each.args[0] for each in call.call_args_list]
    assert operations.count("DescribeTaskDefinition") == 3


def test_all_active_task_definitions_are_an_option(ecs):
    assert images(ecs) == []
    found = images(ecs, all_task_definitions=True)
    assert {use.uri for use in found} == {f"{HOST}/{name}:1" for name in ("web", "batch", "unused")}
    assert found[0].where.startswith("ECS task definition ")
