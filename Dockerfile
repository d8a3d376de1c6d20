# One image for every command of `tactful`; compose.yaml says which containers there are, docs/containers.md how to use them.
ARG BASE=debian:trixie-slim

FROM ${BASE} AS builder
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates python3-venv
RUN python3 -m venv /uv && /uv/bin/pip install --quiet --disable-pip-version-check uv && python3 -m venv --without-pip /venv
WORKDIR /app
COPY pyproject.toml requirements.lock ./
# what pyproject.toml asks for at run time, in the versions and by the hashes of the lock, which holds the tests' tools too
RUN /uv/bin/uv pip install --quiet --no-cache --compile-bytecode --require-hashes --python /venv/bin/python \
        --constraints requirements.lock --requirements pyproject.toml
COPY . .
RUN /uv/bin/uv pip install --quiet --no-cache --no-deps --build-constraints requirements.lock --python /venv/bin/python \
        --editable . \
    && /venv/bin/python -m compileall -q . \
    # what dbt compiles is this container's alone; all else is written to the home
    && ln -s /tmp dbt_project/target

FROM ${BASE}
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --home-dir /tmp --no-create-home tactful \
    && install --directory --owner=tactful --group=tactful /data
COPY --from=builder /venv /venv
COPY --from=builder /app /app
ENV PATH=/venv/bin:/usr/bin:/bin \
    HOME=/tmp \
    DBT_LOG_PATH=/tmp \
    TACTFUL_HOME=/data \
    TACTFUL_HOST=0.0.0.0
USER tactful
WORKDIR /data
VOLUME /data
EXPOSE 3000 5000 8000 8010
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", \
    "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ.get('TACTFUL_DECISION_PORT', 8000)}/healthz\")"]
# tini ends what a killed process leaves behind, also where it isn't the first process
ENTRYPOINT ["tini", "-s", "--", "tactful"]
CMD ["serve"]
