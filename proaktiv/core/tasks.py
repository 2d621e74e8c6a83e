"""Every task that a human may be given: what has happened, what to do, and the ways out. One table.

``what`` stands in ``tasks.what`` and in logs; clerks read ``says`` and ``do``. A way out that is not named here does
not exist. Left to others: writing tasks (any step), what a way out does to the rows (``steps.tasks``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class How(StrEnum):
    """How a human ends a task. ``done``: it was seen to elsewhere; proaktiv changes nothing.

    ``done`` also ends a task that does not offer it once its matter waits for no human any more.
    """

    DONE = "done"
    AGAIN = "again"
    ARRIVED = "arrived"
    TO_CITIZEN = "to_citizen"
    WITHDRAWN = "withdrawn"


class Matter(StrEnum):
    """What ``tasks.matter`` is the id of."""

    PROPOSAL = "proposal"
    AUFTRAG = "auftrag"
    EVENT = "event"
    LOOKUP = "lookup"
    DELIVERY = "delivery"
    BUNDLE = "bundle"
    ENROLMENT = "enrolment"
    MATCH = "match"
    NONE = ""


@dataclass(frozen=True, slots=True)
class Task:
    """One kind of task. ``ways`` are offered in this order."""

    matter: Matter
    says: str
    do: str
    ways: tuple[How, ...] = (How.DONE,)


TASKS: Mapping[str, Task] = {
    "account_notice.house_refused": Task(
        Matter.NONE,
        "Ein Brief über ein Nutzerkonto darf nicht geschrieben werden, weil im Haus etwas fehlt.",
        "Ergänzen Sie, was fehlt; es wird stündlich von selbst versucht.",
    ),
    "address.in_doubt": Task(
        Matter.BUNDLE,
        "Ein Brief wartet: Die Anschrift ist ungewiss, denn ein Umzug wurde gemeldet, berichtigt oder storniert.",
        "Klären Sie es mit der Meldebehörde: Sie meldet die Anschrift neu, oder die Person meldet sich hier neu an."
        " Der Brief geht dann von selbst. Von Hand darf nichts an die frühere Anschrift.",
    ),
    "auftrag.changed": Task(
        Matter.PROPOSAL,
        "Das Register hat Angaben berichtigt, auf denen ein bestätigter Auftrag beruht.",
        "Sagen Sie es der Behörde und der Person; der Auftrag wird nicht still geändert.",
    ),
    "auftrag.in_doubt": Task(
        Matter.AUFTRAG,
        "Ob der Auftrag bei der Behörde angekommen ist, ist nicht bekannt.",
        "Fragen Sie die Behörde. Angekommen: arrived. Nicht angekommen: again, oder to_citizen.",
        (How.ARRIVED, How.AGAIN, How.TO_CITIZEN),
    ),
    "auftrag.late": Task(
        Matter.AUFTRAG,
        "Die Behörde ist nicht zu erreichen, und die Frist eines bestätigten Auftrags endet vielleicht bald.",
        "Sehen Sie den Tag am Auftrag nach und klären Sie mit der Behörde, wie er gewahrt wird. Der Auftrag geht von "
        "selbst, sobald sie wieder da ist; soll die Person ihn selbst abgeben: to_citizen, sie bekommt ein Blatt.",
        (How.DONE, How.TO_CITIZEN),
    ),
    "auftrag.protected": Task(
        Matter.AUFTRAG,
        "Für die Person besteht ein bedingter Sperrvermerk (§ 52 BMG): proaktiv darf den Auftrag nicht senden.",
        "Finden Sie mit der Meldebehörde einen Weg, auf dem die Person ihn selbst abgibt, bevor seine Frist endet. Hat"
        " ihn die Behörde: arrived. Will die Person ihn nicht mehr: withdrawn.",
        (How.ARRIVED, How.WITHDRAWN),
    ),
    "auftrag.protected_after_sending": Task(
        Matter.AUFTRAG,
        "Ein Auftrag ist schon bei der Behörde, und jetzt ist die Anschrift der Person geschützt (§§ 51, 52 BMG).",
        "Sorgen Sie dafür, dass die Behörde es vermerkt und keine Auskunft gibt. Zurückgenommen wird nichts.",
    ),
    "auftrag.question": Task(
        Matter.AUFTRAG,
        "Die Behörde hat zu einem Auftrag eine Rückfrage, und der Brief, der es der Person sagt, darf nicht gehen.",
        "Fragen Sie die Behörde, was sie bis wann braucht, und sagen Sie es der Person auf einem Weg, den sie kennt."
        " Steht ein Sperrvermerk am Auftrag, nur über die Meldebehörde.",
    ),
    "auftrag.recall_by_hand": Task(
        Matter.PROPOSAL,
        "Ein Auftrag ist schon bei der Behörde, und jetzt steht ein Schutz davor (Tod, Sperrvermerk, Storno).",
        "Rufen Sie die Behörde an; schreiben Sie der Familie nicht.",
    ),
    "auftrag.rejected": Task(
        Matter.AUFTRAG,
        "Die Behörde hat einen Auftrag zurückgewiesen, und der Brief, der es der Person sagt, darf nicht gehen.",
        "Fragen Sie die Behörde, warum. Ist eine andere zuständig oder fehlt etwas, sagen Sie der Person, wie sie ihre"
        " Frist noch wahrt. Steht ein Sperrvermerk am Auftrag, nur über die Meldebehörde.",
    ),
    "auftrag.sheet_untold": Task(
        Matter.AUFTRAG,
        "Ein Auftrag liegt als Blatt auf der Seite der Person, und der Brief, der es ihr sagt, darf nicht gehen.",
        "Sagen Sie der Person, dass sie das Blatt selbst abgeben muss und bis wann. Steht ein Sperrvermerk am Auftrag,"
        " nur über die Meldebehörde.",
    ),
    "auftrag.twice": Task(
        Matter.AUFTRAG,
        "Zu derselben Sache steht schon ein Auftrag einer anderen Person; dieser wird nicht von selbst gesendet.",
        "Sagen Sie keiner der beiden etwas von der anderen: Eine kann unter Schutz stehen (§ 51 BMG). Fragen Sie die"
        " Behörde, ob sie auch diesen braucht: again. Sonst to_citizen: die Person bekommt ein Blatt.",
        (How.AGAIN, How.TO_CITIZEN),
    ),
    "auftrag.undeliverable": Task(
        Matter.AUFTRAG,
        "Die Behörde nimmt den Auftrag nicht an, oder er kann nicht gelesen werden.",
        "Klären Sie, woran es liegt. Dann again; geht es gar nicht, to_citizen: die Person bekommt ein Blatt.",
        (How.AGAIN, How.TO_CITIZEN),
    ),
    "auftrag.withdrawn_after_sending": Task(
        Matter.PROPOSAL,
        "Die Person hat einen Auftrag widerrufen, der schon bei der Behörde ist.",
        "Teilen Sie der Behörde den Widerruf mit.",
    ),
    "auftrag.withdrawn_before": Task(
        Matter.PROPOSAL,
        "Das Register meldet neu, was die Person schon einmal wollte und dann widerrufen hat.",
        "Fragen Sie die Person, ob sie es jetzt will.",
    ),
    "behoerde.away": Task(
        Matter.NONE,
        "Eine Behörde ist seit zehn Minuten nicht zu erreichen; Aufträge an sie warten, ein Versuch in der Minute.",
        "Sehen Sie nach, woran es liegt (proaktiv doctor). Ist sie wieder da, endet diese Aufgabe von selbst.",
    ),
    "behoerde.not_reachable": Task(
        Matter.AUFTRAG,
        "Für die Behörde ist kein Weg eingerichtet.",
        "Richten Sie den Weg ein; es wird alle 15 Minuten von selbst versucht.",
    ),
    "birth.mother_died": Task(
        Matter.EVENT,
        "Zu einer Geburt ist gemeldet, dass die Mutter verstorben ist.",
        "Sehen Sie nach, was vorbereitet ist, und sprechen Sie mit der Familie oder dem Jugendamt.",
    ),
    "bundle.house_refused": Task(
        Matter.BUNDLE,
        "Ein Brief darf nicht geschrieben werden, weil im Haus etwas fehlt (Freigabe, Norm, Empfänger).",
        "Ergänzen Sie, was fehlt; es wird stündlich von selbst versucht.",
    ),
    "bundle.protected": Task(
        Matter.BUNDLE,
        "Für die Person besteht ein bedingter Sperrvermerk (§ 52 BMG); es wird nicht geschrieben.",
        "Entscheiden Sie, ob und wie die Person es erfährt.",
    ),
    "channel.away": Task(
        Matter.NONE,
        "Ein Weg zu den Menschen (Brief oder E-Mail) ist seit zehn Minuten fort; was warten kann, wartet.",
        "Sehen Sie nach, woran es liegt (proaktiv doctor). Geht der Weg wieder, endet diese Aufgabe von selbst.",
    ),
    "competence.missing": Task(
        Matter.EVENT,
        "Für eine Leistung ist an diesem Ort keine Behörde eingetragen.",
        "Tragen Sie die Zuständigkeit ein, dann again.",
        (How.AGAIN, How.DONE),
    ),
    "contact.unreadable": Task(
        Matter.BUNDLE,
        "Die Anschrift einer Person kann nicht gelesen werden.",
        "Prüfen Sie die Schlüssel (proaktiv doctor), dann again.",
        (How.AGAIN, How.DONE),
    ),
    "custody.elsewhere": Task(
        Matter.EVENT,
        "Die Sorge für ein Kind liegt nicht bei der Person, an die etwas ging oder gehen sollte (V09).",
        "Klären Sie mit dem Jugendamt, wer das Kind vertritt; von selbst geschieht nichts mehr.",
    ),
    "delivery.failed": Task(
        Matter.DELIVERY,
        "Ein Brief ist endgültig nicht hinausgegangen.",
        "Beheben Sie die Ursache, dann again; oder erreichen Sie die Person anders und done.",
        (How.AGAIN, How.DONE),
    ),
    "delivery.in_doubt": Task(
        Matter.DELIVERY,
        "Ob ein Brief hinausgegangen ist, ist nicht bekannt.",
        "Sehen Sie im Druckzentrum nach. Gedruckt: arrived. Nicht gedruckt: again.",
        (How.ARRIVED, How.AGAIN),
    ),
    "enrolment.house_refused": Task(
        Matter.ENROLMENT,
        "Ein Aktivierungsbrief darf nicht geschrieben werden, weil im Haus etwas fehlt.",
        "Ergänzen Sie, was fehlt; es wird stündlich von selbst versucht.",
    ),
    "event.incomplete": Task(
        Matter.EVENT,
        "Eine Meldung lässt von einer angemeldeten Person das Geburtsdatum oder die Anschrift weg. Was davon abhängt,"
        " wird ihr nicht vorgeschlagen.",
        "Fragen Sie das Register: Meldet es eine neue Fassung mit den Angaben, wird von selbst neu entschieden. Weiß es"
        " sie nicht, sagen Sie der Person, was sie selbst beantragen kann.",
    ),
    "event.protected": Task(
        Matter.EVENT,
        "Eine Meldung nennt eine Person mit bedingtem Sperrvermerk (§ 52 BMG); für sie geschieht nichts von selbst.",
        "Klären Sie mit der Meldebehörde, ob und wie sie es erfährt. Niemand sonst darf daraus auf sie schließen.",
    ),
    "key.missing": Task(
        Matter.EVENT,
        "Ein Fakt fehlt, an dem ein Vorschlag wiedererkannt wird.",
        "Fragen Sie das Register nach einer Berichtigung, oder again.",
        (How.AGAIN, How.DONE),
    ),
    "leistung.by_hand": Task(
        Matter.MATCH,
        "Eine Leistung kommt in Betracht, die nur von Hand gehen kann.",
        "Prüfen Sie den Fall und sprechen Sie mit der Person; von selbst geschieht nichts.",
    ),
    "letter.call_back": Task(
        Matter.DELIVERY,
        "Ein übergebener Brief darf nicht mehr hinaus: Die Person ist umgezogen, oder es steht ein Schutz davor.",
        "Nehmen Sie ihn sofort aus der Ausgangspost und drucken Sie ihn nicht; die Datei heißt wie der Vorgang dieser"
        " Aufgabe. Ist er schon fort: done.",
    ),
    "lookup.house_refused": Task(
        Matter.LOOKUP,
        "Ein Register darf nicht gefragt werden, weil im Haus etwas fehlt.",
        "Ergänzen Sie, was fehlt; es wird stündlich von selbst versucht.",
    ),
    "mail.refused_by_policy": Task(
        Matter.NONE,
        "Ein Mailanbieter nimmt von diesem Haus keine Mails (Regel des Anbieters, nicht die Adresse); sie warten dort.",
        "Prüfen Sie SPF, DKIM und DMARC und fragen Sie den Anbieter. Nimmt er wieder an, endet dies von selbst.",
    ),
    "mail_confirmation.house_refused": Task(
        Matter.NONE,
        "Eine E-Mail mit einem Bestätigungscode darf nicht geschrieben werden, weil im Haus etwas fehlt.",
        "Ergänzen Sie, was fehlt; es wird stündlich von selbst versucht, solange der Code gilt.",
    ),
    "mail_notice.house_refused": Task(
        Matter.NONE,
        "Ein Brief über eine E-Mail-Adresse darf nicht geschrieben werden, weil im Haus etwas fehlt.",
        "Ergänzen Sie, was fehlt; es wird stündlich von selbst versucht.",
    ),
    "register.away": Task(
        Matter.NONE,
        "Ein Register ist seit zehn Minuten nicht zu erreichen; Fragen warten, nach einigen Stunden geht es ohne sie "
        "weiter. Anmeldungen warten.",
        "Sehen Sie nach, woran es liegt (proaktiv doctor). Ist es wieder da, endet diese Aufgabe von selbst.",
    ),
    "register.incomplete": Task(
        Matter.LOOKUP,
        "Das Melderegister hat eine Anmeldung nur teilweise beantwortet; was eingetippt war, ist gelöscht.",
        "Klären Sie es mit der Meldebehörde; die Person muss sich neu anmelden.",
    ),
    "register.silent": Task(
        Matter.LOOKUP,
        "Ein Register hat auf keine Frage geantwortet; es ging ohne diese Angaben weiter.",
        "Antwortet das Register wieder: again. Sonst done.",
        (How.AGAIN, How.DONE),
    ),
    "source.full": Task(
        Matter.NONE,
        "Ein Register hat seine Tageszahl erreicht; was es heute noch meldet, wird abgewiesen. Stopps (Tod, Sperre, "
        "Storno) gelten weiter, bis zum Doppelten der Zahl.",
        "Fragen Sie das Register auf einem anderen Weg, ob es das war (proaktiv sources list). Was abgewiesen wurde, "
        "muss es morgen neu melden; ist die Zahl zu klein, erhöhen Sie sie.",
    ),
    "source.held": Task(
        Matter.EVENT,
        "Ein Register meldet weit mehr als sonst; was es meldet, wird aufbewahrt und wartet. Stopps gelten sofort.",
        "Fragen Sie das Register auf einem anderen Weg; dann proaktiv sources release oder reject.",
    ),
    "stop.lifted": Task(
        Matter.EVENT,
        "Ein Schutz (Tod, Sperre) war ein Irrtum; was er zurückgenommen hat, kommt nicht von selbst wieder.",
        "Prüfen Sie, was der Person noch zusteht.",
    ),
    "text.missing": Task(
        Matter.EVENT,
        "Ein Text der Leistung fehlt oder hat eine Lücke.",
        "Ergänzen und veröffentlichen Sie die Regel, dann again.",
        (How.AGAIN, How.DONE),
    ),
}
