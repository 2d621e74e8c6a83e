"""The flow log: every flow of personal data as one entry of a tamper-evident tree.

    record ─▶ (flow_queue) ─▶ sequencer ─▶ (tiles, head) ─▶ signer ─▶ (checkpoints) ─▶ vouching
                                                                 └─▶ proving · exports · findings ─▶ verifying · alone

Modules beside this one write it and say how it stands; ``keeping`` takes what is over, ``ceremonies`` end it.
Entries hold salted commitments, never data, so erasing a part changes no tile (flowlog.md § 0).
"""
