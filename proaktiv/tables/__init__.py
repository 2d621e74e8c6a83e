"""Storage. Each table's docstring names its only writers; owners may not change (data-path.md § 4).

Table classes hold no behaviour and validate nothing: values live in ``core/``, forms at the web edge. Everything
personal is sealed by the vault before it gets here.
"""

from proaktiv.tables.columns import METADATA, core_table
from proaktiv.tables.events import EventFactsRow, EventSubjectRow, FetchedFactsRow, LookupRow, RegisterEventRow, StopRow
from proaktiv.tables.flow import (
    CheckpointRow,
    FlowLeafRow,
    FlowLogRow,
    FlowQueueRow,
    FlowSecretRow,
    LogHeadRow,
    StaffKeyRow,
    SubjectHeadRow,
    TileRow,
)
from proaktiv.tables.house import (
    BehoerdeRow,
    ClientDayRow,
    ClientJtiRow,
    ClientRow,
    ClientTokenRow,
    CompetenceRow,
    DemoClockRow,
    IncidentRow,
    ReleaseRow,
    TaskRow,
)
from proaktiv.tables.matters import (
    AcknowledgementRow,
    AuftragRow,
    BundleRow,
    CodeRow,
    DeliveryRow,
    HandoverRow,
    MatchRow,
    ProposalRow,
    SessionRow,
    SignatureRow,
    WiedervorlageRow,
)
from proaktiv.tables.people import ContactRow, EnrolmentRow, PersonIdentifierRow, PersonRow, RelationRow, VaultKeyRow

__all__ = [
    "METADATA",
    "AcknowledgementRow",
    "AuftragRow",
    "BehoerdeRow",
    "BundleRow",
    "CheckpointRow",
    "ClientDayRow",
    "ClientJtiRow",
    "ClientRow",
    "ClientTokenRow",
    "CodeRow",
    "CompetenceRow",
    "ContactRow",
    "DeliveryRow",
    "DemoClockRow",
    "EnrolmentRow",
    "EventFactsRow",
    "EventSubjectRow",
    "FetchedFactsRow",
    "FlowLeafRow",
    "FlowLogRow",
    "FlowQueueRow",
    "FlowSecretRow",
    "HandoverRow",
    "IncidentRow",
    "LogHeadRow",
    "LookupRow",
    "MatchRow",
    "PersonIdentifierRow",
    "PersonRow",
    "ProposalRow",
    "RegisterEventRow",
    "RelationRow",
    "ReleaseRow",
    "SessionRow",
    "SignatureRow",
    "StaffKeyRow",
    "StopRow",
    "SubjectHeadRow",
    "TaskRow",
    "TileRow",
    "VaultKeyRow",
    "WiedervorlageRow",
    "core_table",
]
