# One image for collectors, workers and the console. Wheels only, each checked against its hash in the lock.
FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1 SOURCE_DATE_EPOCH=1790000000
WORKDIR /src
COPY requirements-server.lock ./
RUN python3 -m venv /opt/soc \
 && /opt/soc/bin/pip install --quiet --only-binary :all: --require-hashes -r requirements-server.lock
COPY pyproject.toml README.md LICENSE ./
COPY collectors collectors
COPY detections detections
COPY soc soc
# What is left is what the services run: scikit-learn only trains anomaly models, which is done where the embedded
# engine is; what builds wheels is needed no more. "pip check" says if anything else would miss them. The same times on
# all files, so that the same sources give the same layer.
RUN /opt/soc/bin/pip install --quiet --no-deps --no-build-isolation . \
 && /opt/soc/bin/pip uninstall --quiet --yes scikit-learn scipy numpy joblib threadpoolctl narwhals cloudpickle \
      hatchling editables pathspec pluggy tomlkit trove-classifiers \
 && /opt/soc/bin/pip check \
 && /opt/soc/bin/pip uninstall --quiet --yes pip setuptools \
 && find /opt/soc -type d \( -name __pycache__ -o -name tests \) -prune -exec rm -rf {} + \
 && find /opt/soc -exec touch --no-dereference --date=@$SOURCE_DATE_EPOCH {} +

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="soc-pipeline" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/soc /opt/soc
# /keys and /var/lib/soc, or /var/lib/soc/anomaly, take the owner and mode of these folders when they are first mounted as volumes
RUN useradd --uid 1000 --gid 0 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin soc \
 && mkdir -p /keys /var/lib/soc/anomaly && chown -R 1000:0 /keys /var/lib/soc && chmod -R 0770 /keys /var/lib/soc
ENV PATH=/opt/soc/bin:/usr/local/bin:/usr/bin:/bin PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 XDG_CACHE_HOME=/tmp
USER 1000:0
WORKDIR /tmp
ENTRYPOINT ["soc"]
CMD ["--help"]
