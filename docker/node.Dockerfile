# A country's image: everything that reads and learns from cases, and no code of the coordinator. docker/build.sh
# fills build/wheels beforehand, so no step below uses the network.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
WORKDIR /src
COPY build/wheels/node wheels
RUN python3 -m venv /opt/safeborders \
 && /opt/safeborders/bin/pip install -q --no-index --find-links wheels -r wheels/requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY kit kit
COPY models models
COPY privacy privacy
COPY configs/safeborders configs/safeborders
COPY node node
RUN /opt/safeborders/bin/pip install -q --no-index --no-deps --no-build-isolation . \
 # Nothing may be installed at run time: neither Flower's uv nor pip stays.
 && /opt/safeborders/bin/pip uninstall -q -y uv hatchling pip setuptools \
 && ! /opt/safeborders/bin/python -c "import safeborders.server" 2> /dev/null \
 && /opt/safeborders/bin/python -c "import safeborders.node"

FROM ${BASE}
COPY --from=build /opt/safeborders /opt/safeborders
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin safeborders \
 && install -d -o safeborders -g safeborders -m 0700 /var/lib/safeborders
# Bytecode was compiled at the build; the root is read-only when it runs.
ENV PATH=/opt/safeborders/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    FLWR_TELEMETRY_ENABLED=0 \
    FLWR_DISABLE_UPDATE_CHECK=1 \
    FLWR_HOME=/var/lib/safeborders/flower
USER 10001
WORKDIR /var/lib/safeborders
VOLUME /var/lib/safeborders
STOPSIGNAL SIGTERM
ENTRYPOINT ["safeborders"]
CMD ["node", "run", "--profile", "/etc/safeborders/node.yaml"]
