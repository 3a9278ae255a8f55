# One image for web, workers and beat; compose.yaml says which container runs which.

FROM python:3.13-slim AS packages
# requirements-anymail.txt for an email provider with an API of its own (docs/operations.md)
ARG REQUIREMENTS=requirements.txt
COPY ${REQUIREMENTS} /tmp/requirements.txt
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --no-deps --require-hashes --only-binary :all: \
       -r /tmp/requirements.txt

FROM python:3.13-slim
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin portal
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
# .dockerignore lists what is copied: no development tools, no tests.
COPY . .
# The settings require every variable; none of these values stays in the image's environment.
RUN DEBUG=false ALLOWED_HOSTS=build.invalid DATABASE_URL=postgres://build.invalid/build \
    REDIS_URL=redis://build.invalid/0 EMAIL_URL=smtp://build.invalid DEFAULT_FROM_EMAIL=build@build.invalid \
    SMS_BACKEND=notifications.sms.http.SmsBackend SMS_GATEWAY_URL=https://build.invalid SMS_GATEWAY_TOKEN=build \
    SECRET_KEY=only-to-build-0123456789-abcdefghijklmnopqrstuvwxyz \
    PICKUP_CODE_SECRETS=1:only-to-build-9876543210-zyxwvutsrqponmlkjihgfedcba \
    python manage.py collectstatic --noinput
USER 10001
EXPOSE 8000
# For the web server. compose.yaml switches it off for the other processes.
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s --retries=6 CMD ["bin/healthcheck"]
CMD ["bin/web"]
