"""The first tables.

Revision: 0001. "Pre": nothing runs on the database before it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table."""
    _participant()
    _operator()
    _peer()
    _spent()
    _answered()
    _policy()
    _dataset()
    _offer()
    _exchange()
    _outbox()
    _message()
    _contract()
    _transfer()
    _grant()
    _journal()
    _journalpayload()
    _journalhead()
    _probe()


def _participant() -> None:
    op.create_table(
        "participant",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("root", sa.String(), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_participant"),
    )


def _operator() -> None:
    op.create_table(
        "operator",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("token_digest", sa.String(), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_operator"),
        sa.UniqueConstraint("token_digest", name="uq_operator_token_digest"),
    )


def _peer() -> None:
    op.create_table(
        "peer",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("auth", sa.String(), nullable=False),
        sa.Column("base", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("pins", sa.JSON(), nullable=False),
        sa.Column("document", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("checked", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("participant", "id", name="pk_peer"),
    )


def _spent() -> None:
    op.create_table(
        "spent",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("jti", sa.String(), nullable=False),
        sa.Column("until", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("participant", "issuer", "jti", name="pk_spent"),
    )
    op.create_index("ix_spent_until", "spent", ["until"])


def _answered() -> None:
    op.create_table(
        "answered",
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("operator", "key", name="pk_answered"),
    )


def _policy() -> None:
    op.create_table(
        "policy",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("participant", "digest", name="pk_policy"),
    )


def _dataset() -> None:
    op.create_table(
        "dataset",
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("description", sa.JSON(), nullable=False),
        sa.Column("source", sa.JSON(), nullable=False),
        sa.Column("rendered", sa.Text(), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_dataset"),
        sa.UniqueConstraint("participant", "id", name="uq_dataset_participant_id"),
    )
    op.create_index("ix_dataset_page", "dataset", ["participant", "position"])


def _offer() -> None:
    op.create_table(
        "offer",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("policy", sa.String(), nullable=False),
        sa.Column("access", sa.String(), nullable=True),
        sa.Column("approval", sa.String(), nullable=True),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("rendered", sa.Text(), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("participant", "id", name="pk_offer"),
    )
    op.create_index("ix_offer_dataset", "offer", ["participant", "dataset"])
    op.create_index("ix_offer_access", "offer", ["participant", "access"])


def _exchange() -> None:
    op.create_table(
        "exchange",
        sa.Column("pid", sa.String(), nullable=False),
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("protocol", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("peer_pid", sa.String(), nullable=True),
        sa.Column("base", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=True),
        sa.Column("wanted", sa.String(), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("acked", sa.Integer(), nullable=False),
        sa.Column("heard", sa.String(), nullable=True),
        sa.Column("last_digest", sa.String(), nullable=True),
        sa.Column("moved", sa.Boolean(), nullable=False),
        sa.Column("adopted", sa.Boolean(), nullable=False),
        sa.Column("stalled", sa.String(), nullable=True),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("waits", sa.String(), nullable=True),
        sa.Column("reasons", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("check_at", sa.Float(), nullable=True),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("updated", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("pid", name="pk_exchange"),
        sa.UniqueConstraint(
            "participant",
            "peer",
            "protocol",
            "role",
            "peer_pid",
            name="uq_exchange_participant_peer_protocol_role_peer_pid",
        ),
    )
    op.create_index("ix_exchange_check", "exchange", ["check_at"])
    unended = sa.text("(state IS NULL OR state NOT IN ('COMPLETED', 'FINALIZED', 'TERMINATED'))")
    op.create_index(
        "ix_exchange_open",
        "exchange",
        ["participant", "peer", "protocol"],
        sqlite_where=unended,
        postgresql_where=unended,
    )
    op.create_index("ix_exchange_list", "exchange", ["participant", "protocol", "created"])


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("process", sa.String(), nullable=False),
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("move", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("grant", sa.String(), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("first_attempt", sa.Float(), nullable=True),
        sa.Column("next_attempt", sa.Float(), nullable=False),
        sa.Column("lease", sa.Float(), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("process", name="uq_outbox_process"),
    )
    op.create_index("ix_outbox_peer", "outbox", ["participant", "peer"])


def _message() -> None:
    op.create_table(
        "message",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("process", sa.String(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("move", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_message"),
        sa.UniqueConstraint("process", "direction", "message_id", name="uq_message_process_direction_message_id"),
    )


def _contract() -> None:
    op.create_table(
        "contract",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("offer", sa.JSON(), nullable=False),
        sa.Column("offer_by", sa.String(), nullable=False),
        sa.Column("offer_row", sa.String(), nullable=True),
        sa.Column("agreement_id", sa.String(), nullable=True),
        sa.Column("agreement", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("agreed", sa.Float(), nullable=True),
        sa.Column("asked", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_contract"),
        sa.UniqueConstraint(
            "participant", "peer", "agreement_id", "role", name="uq_contract_participant_peer_agreement_id_role"
        ),
    )


def _transfer() -> None:
    op.create_table(
        "transfer",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("contract", sa.String(), nullable=False),
        sa.Column("agreement_id", sa.String(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("renewable", sa.Boolean(), nullable=False),
        sa.Column("endpoint", sa.String(), nullable=True),
        sa.Column("renewal", sa.String(), nullable=True),
        sa.Column("token", sa.String(), nullable=True),
        sa.Column("token_until", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_transfer"),
    )
    op.create_index("ix_transfer_contract", "transfer", ["contract"])


def _grant() -> None:
    op.create_table(
        "grant",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("transfer", sa.String(), nullable=False),
        sa.Column("contract", sa.String(), nullable=False),
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("renewable", sa.Boolean(), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.Column("previous_until", sa.Float(), nullable=True),
        sa.Column("closed", sa.Float(), nullable=True),
        sa.Column("closed_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_grant"),
        sa.UniqueConstraint("transfer", name="uq_grant_transfer"),
    )
    op.create_index("ix_grant_contract", "grant", ["contract"])


def _journal() -> None:
    op.create_table(
        "journal",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("payload_digest", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("participant", "number", name="pk_journal"),
    )
    op.create_index("ix_journal_subject", "journal", ["subject"])


def _journalpayload() -> None:
    op.create_table(
        "journalpayload",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("salt", sa.String(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("participant", "number", name="pk_journalpayload"),
    )


def _journalhead() -> None:
    op.create_table(
        "journalhead",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("participant", name="pk_journalhead"),
    )


def _probe() -> None:
    op.create_table(
        "probe",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("filling", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_probe"),
    )
