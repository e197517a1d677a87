# The coordinator's image. It is built without the node's code, without torch and without anything that reads a case;
# the last lines of the first stage check that. docker/build.sh fills build/wheels beforehand, so no step below uses
# the network.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
WORKDIR /src
COPY build/wheels/coordinator wheels
RUN python3 -m venv /opt/safeborders \
 && /opt/safeborders/bin/pip install -q --no-index --find-links wheels -r wheels/requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY kit kit
COPY models/safeborders models/safeborders
COPY privacy/safeborders privacy/safeborders
COPY configs/safeborders configs/safeborders
COPY server server
RUN rm -rf models/safeborders/models/gnn privacy/safeborders/privacy/dpsgd \
 && /opt/safeborders/bin/pip install -q --no-index --no-deps --no-build-isolation . \
 # Nothing may be installed at run time: neither Flower's uv nor pip stays.
 && /opt/safeborders/bin/pip uninstall -q -y uv hatchling pip setuptools \
 && ! /opt/safeborders/bin/python -c "import torch" 2> /dev/null \
 && ! /opt/safeborders/bin/python -c "import safeborders.node" 2> /dev/null \
 && /opt/safeborders/bin/python -c "import safeborders.server"

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
CMD ["coordinator", "run", "--profile", "/etc/safeborders/coordinator.yaml"]
