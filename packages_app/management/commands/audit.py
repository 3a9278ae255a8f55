"""`manage.py audit`: check the database for what must never be."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from packages_app.invariants import audit


class Command(BaseCommand):
    """Check the invariants."""

    help = (
        "Checks in the database that no compartment is given twice, no package and no message is lost, and "
        "every history is true. It only reads, and may run on a live system. Exit status 1 if it finds any."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--json", action="store_true", help="print one JSON document instead of lines")

    def handle(self, *args: Any, **options: Any) -> None:
        """Check every invariant. Raises `CommandError` if one is violated."""
        findings = []
        for finding in audit.run():
            findings.append(finding)
            if not options["json"]:
                self._say(finding)
        violations = sum(finding.violations for finding in findings)
        if options["json"]:
            self.stdout.write(_json(findings, violations))
        elif not violations:
            self.stdout.write(self.style.SUCCESS(f"All {len(findings)} invariants hold."))
        if violations:
            broken = [finding.invariant.id for finding in findings if finding.violations]
            raise CommandError(f"{violations} violations of {', '.join(broken)}.")

    def _say(self, finding: audit.Finding) -> None:
        invariant = finding.invariant
        if not finding.violations:
            self.stdout.write(f"{'ok':>10}  {invariant.id:<11} {invariant.meaning} ({finding.seconds:.2f} s)")
            return
        self.stdout.write(
            self.style.ERROR(f"{finding.violations:>10}  {invariant.id:<11} NOT TRUE: {invariant.meaning}")
        )
        for row in finding.rows:
            self.stdout.write("              " + "  ".join(f"{name}={value}" for name, value in row.items()))
        if finding.violations > len(finding.rows):
            self.stdout.write(f"              … and {finding.violations - len(finding.rows)} more")


def _json(findings: list[audit.Finding], violations: int) -> str:
    return json.dumps(
        {
            "violations": violations,
            "invariants": [
                {
                    "id": finding.invariant.id,
                    "meaning": finding.invariant.meaning,
                    "violations": finding.violations,
                    "rows": finding.rows,
                    "seconds": round(finding.seconds, 3),
                }
                for finding in findings
            ],
        },
        cls=DjangoJSONEncoder,
        indent=2,
    )
