# One image for the API, the worker and every command: what runs is what follows `qure`.

ARG PYTHON_IMAGE=python:3.12-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
# The environment gets no pip of its own: nothing is installed after the image is built.
RUN python -m venv --without-pip /opt/qure
COPY requirements.lock ./
RUN pip --python /opt/qure/bin/python install --no-deps --require-hashes --only-binary=:all: \
        -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN pip --python /opt/qure/bin/python install --no-deps --no-build-isolation .

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="Qure" \
      org.opencontainers.image.description="The real-time queue for clinics" \
      org.opencontainers.image.licenses="MIT"
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /data \
        --shell /usr/sbin/nologin qure \
    && install --directory --owner=qure --group=qure --mode=0750 /data
COPY --from=build /opt/qure /opt/qure
ENV PATH=/opt/qure/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    QURE_HOST=0.0.0.0 \
    QURE_DATA_DIR=/data
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('PORT', '3000') + '/health', timeout=4)"]
ENTRYPOINT ["qure"]
CMD ["serve"]
