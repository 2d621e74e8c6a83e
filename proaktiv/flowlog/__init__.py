"""The flow log: every flow of personal data as one entry of a tamper-evident tree.

    record ─▶ (flow_queue) ─▶ sequencer ─▶ (tiles, head) ─▶ signer ─▶ (checkpoints) ─▶ proofs · verify

Entries hold salted commitments, never data, so erasing a part changes no tile (flowlog.md § 0).
"""
