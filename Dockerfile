# The suite with the versions of constraints.txt, for the CPU:
#   docker build -t wvad .
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" wvad compare --method mmil+ica --against mmil \
#       --dataset scenes-avenue
# For a GPU, TORCH names a CUDA build that https://download.pytorch.org/whl/ has; the driver is the host's:
#   docker build -t wvad-gpu --build-arg TORCH=cu130 .
#   docker run --rm --gpus all -v "$PWD:/work" wvad-gpu doctor
FROM python:3.11-slim

ARG TORCH=cpu
# Whoever calls it, as any user, has a home that can be written.
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 HOME=/tmp

WORKDIR /opt/wvad
# What .dockerignore admits.
COPY . .
RUN pip install --extra-index-url "https://download.pytorch.org/whl/${TORCH}" --constraint constraints.txt \
        "torch==$(sed -n 's/^torch==//p' constraints.txt)+${TORCH}" ".[hdf5,ray,video]"

# Datasets and results stay in the folder that is mounted there.
WORKDIR /work
ENTRYPOINT ["wvad"]
CMD ["--help"]
