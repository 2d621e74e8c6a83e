"""Where each answer of the citizen's surface leads: from the letter to the yes, and back again.

A client that follows these links needs to know no path. Left to others: the operations (``web.citizen``).
"""

from proaktiv.web.openapi import leads, link

_THIS_PROPOSAL = "$request.path.proposal_id"
_THIS_AUFTRAG = "$request.path.auftrag_id"
_NEXT_PROPOSAL = "$response.body#/bundles/0/proposals/0/id"
_NEXT_AUFTRAG = "$response.body#/bundles/0/auftraege/0/id"
_NEXT_TO_SIGN = "$response.body#/bundles/0/unterschriften/0/auftrag"
_NEW_AUFTRAG = "$response.body#/auftrag"
_SHOWN = {"shown": "$response.body#/shown"}

WISH = leads("The wish was taken", {"prove": link("prove")}, 202)
SESSION = leads(
    "The session that the code opened",
    {"overview": link("overview"), "consents": link("consents"), "channels": link("channels")},
)
OVERVIEW = leads(
    "What is open",
    {
        "proposal": link("proposal", proposal_id=_NEXT_PROPOSAL),
        "auftrag": link("auftrag", auftrag_id=_NEXT_AUFTRAG),
        "to_sign": link("to_sign", auftrag_id=_NEXT_TO_SIGN),
    },
)
PROPOSAL = leads(
    "One proposal",
    {
        "confirm": link("confirm", _SHOWN, proposal_id=_THIS_PROPOSAL),
        "decline": link("decline", proposal_id=_THIS_PROPOSAL),
        "postpone": link("postpone", proposal_id=_THIS_PROPOSAL),
        "answer": link("answer", proposal_id=_THIS_PROPOSAL),
    },
)
ANSWERED = leads("The answers are kept", {"overview": link("overview")}, 202)
POSTPONED = leads("The later is recorded", {"proposal": link("proposal", proposal_id=_THIS_PROPOSAL)})
CONFIRMED = leads(
    "The Auftrag that the yes made",
    {
        "auftrag": link("auftrag", auftrag_id=_NEW_AUFTRAG),
        "undo": link("undo", auftrag_id=_NEW_AUFTRAG),
        "withdraw_auftrag": link("withdraw_auftrag", auftrag_id=_NEW_AUFTRAG),
        "sheet": link("sheet", auftrag_id=_NEW_AUFTRAG),
    },
)
AUFTRAG = leads(
    "Where the Auftrag stands",
    {
        "undo": link("undo", auftrag_id=_THIS_AUFTRAG),
        "withdraw_auftrag": link("withdraw_auftrag", auftrag_id=_THIS_AUFTRAG),
        "sheet": link("sheet", auftrag_id=_THIS_AUFTRAG),
    },
)
ENDED = leads("It is recorded", {"auftrag": link("auftrag", auftrag_id=_THIS_AUFTRAG)})
TO_SIGN = leads(
    "What is to be signed",
    {
        "sign": link("sign", _SHOWN, auftrag_id=_THIS_AUFTRAG),
        "refuse_signature": link("refuse_signature", auftrag_id=_THIS_AUFTRAG),
    },
)
SIGNED = leads("The signature is recorded", {"undo": link("undo", auftrag_id=_THIS_AUFTRAG)})
CONSENTS = leads(
    "What can be decided on",
    {
        "choose": link(
            "choose",
            {
                "decisions": [
                    {
                        "activity": "$response.body#/activities/0/name",
                        "notice": "$response.body#/activities/0/notice",
                        "decision": "give",
                    }
                ]
            },
        ),
        "withdraw": link("withdraw", {"activity": "$response.body#/activities/0/name"}),
    },
)
CHOSEN = leads("The decisions are recorded", {"consents": link("consents")})
CHANNELS = leads(
    "How the person is reached",
    {
        "give_mail": link("give_mail", {"address": "name@example.org", "notice": "$response.body#/notice"}),
        "remove_mail": link("remove_mail"),
    },
)
GIVEN = leads("A code is on its way", {"confirm_mail": link("confirm_mail"), "channels": link("channels")})
CHANNEL = leads("It is recorded", {"channels": link("channels")})
