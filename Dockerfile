# syntax=docker/dockerfile:1
# SPDX-License-Identifier: MPL-2.0
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
# What `--version` and the metric countryconfig_build_info name: --build-arg COUNTRYCONFIG_COMMIT=$(git rev-parse HEAD)
ARG COUNTRYCONFIG_COMMIT
# The caches (BuildKit) keep compiled dependencies: a change of a country file or of the program builds only this workspace.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/build/target \
    cargo build --profile dist --locked && install -D target/dist/countryconfig /out/countryconfig

FROM debian:bookworm-slim
# Certificates for HTTPS to the middleware and the gateway, time zones for the day that ages are counted on.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates tzdata && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /srv countryconfig \
 && install -d -o countryconfig -g countryconfig -m 0700 /srv/data
COPY --from=build /out/countryconfig /usr/local/bin/countryconfig
WORKDIR /srv
USER 10001
# The ledger: the one folder that is written to. Run with --read-only and a volume here.
VOLUME /srv/data
ENV NODE_ENV=production
# What reading the country, compression and large requests needed goes back to the system.
ENV MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=131072 MALLOC_TRIM_THRESHOLD_=131072
EXPOSE 3040
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["countryconfig", "health"]
ENTRYPOINT ["countryconfig"]
CMD ["serve"]
