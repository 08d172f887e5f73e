"""The kinds of image that registries hold, by media type.

Sources: OCI image specification and Docker registry documentation, media types; those of the
artifacts are their tools'.
"""

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_MANIFEST_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"

DOCKER_IMAGE = "application/vnd.docker.container.image.v1+json"
OCI_IMAGE = "application/vnd.oci.image.config.v1+json"
HELM_CHART = "application/vnd.cncf.helm.config.v1+json"
COSIGN_SIGNATURE = "application/vnd.dev.cosign.simplesigning.v1+json"
IN_TOTO_ATTESTATION = "application/vnd.in-toto+json"

INDEX_MEDIA_TYPES = frozenset({DOCKER_MANIFEST_LIST, OCI_INDEX})
SCANNABLE_ARTIFACT_TYPES = frozenset({DOCKER_IMAGE, OCI_IMAGE})
