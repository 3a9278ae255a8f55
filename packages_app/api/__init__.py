"""The packages API for couriers and kiosks: a thin layer, one operation or one query per call."""

from packages_app.api.couriers import router as couriers_router
from packages_app.api.faults import router as faults_router
from packages_app.api.holds import router as holds_router
from packages_app.api.kiosks import router as kiosks_router
from packages_app.api.package_queries import router as package_queries_router
from packages_app.api.queue import router as queue_router
from packages_app.api.reservations import router as reservations_router
from packages_app.api.webhooks import router as webhooks_router

routers = (
    kiosks_router,
    couriers_router,
    holds_router,
    package_queries_router,
    faults_router,
    reservations_router,
    webhooks_router,
    queue_router,
)

__all__ = ["routers"]
