# The command in a container: docker run --rm -e AWS_PROFILE -v ~/.aws:/home/command/.aws:ro …
FROM python:3.13-slim-bookworm AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE requirements-dev.txt ./
COPY chalicelib chalicelib
COPY ecr_scan_reporter ecr_scan_reporter
# What it needs in the versions that are tested: as constraints, those install nothing else.
RUN python -m venv /opt/command \
    && /opt/command/bin/pip install --no-cache-dir --disable-pip-version-check \
        --constraint requirements-dev.txt .

FROM python:3.13-slim-bookworm
COPY --from=build /opt/command /opt/command
RUN useradd --create-home --uid 10001 command
USER 10001
# Where reports are written, and where paths of files begin.
WORKDIR /home/command/work
ENV PATH=/opt/command/bin:$PATH PYTHONUNBUFFERED=1
ENTRYPOINT ["ecr-scan-reporter"]
CMD ["--help"]
