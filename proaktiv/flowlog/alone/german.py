"""What is said, in German. A brace stands for what is filled in, which may be a sentence of these itself."""

import re

SENTENCES = {
    # what was typed; the first two hold others of these
    "--since: {}. Name the file that you kept, and do not go on without --since": (
        "--since: {}. Nennen Sie die Datei, die Sie aufgehoben haben, und prüfen Sie nicht ohne --since weiter"
    ),
    "--since: {}. Take the unchanged file that you kept; if it is that one, this is a finding: hold on to "
    "everything, and do not go on without --since": (
        "--since: {}. Nehmen Sie die unveränderte Datei, die Sie aufgehoben haben; ist sie es schon, dann ist das"
        " ein Befund: festhalten, und nicht ohne --since weiterprüfen"
    ),
    "{} is no option of this program": "{} kennt dieses Programm nicht",
    "the option {} stands twice": "{} steht zweimal",
    "after {} something is missing": "hinter {} fehlt etwas",
    "--lang is de or en": "--lang ist de oder en",
    "name what to verify: the folder of an unpacked export, or a proof (.tlog-proof)": (
        "Es fehlt, was geprüft werden soll: der Ordner eines entpackten Auszugs, oder ein Beleg (.tlog-proof)"
    ),
    "--policy is missing: your own file with the key that you noted": (
        "Es fehlt --policy: die Datei mit dem Prüfschlüssel, den Sie mit dem Zettel verglichen haben"
    ),
    "{} fits several files: name one": "{} passt auf mehrere Dateien: eine davon nennen",
    "--since is for a whole export, not beside --consent": "--since gilt einem ganzen Auszug, nicht neben --consent",
    "no whole export: --since needs one": "kein ganzer Auszug: --since braucht einen",
    # spelling and notes
    "not base64": "kein Base64",
    "not JSON in its one spelling": "kein JSON in der einen erlaubten Schreibweise",
    "not text": "kein Text",
    "saved as UTF-16: save it as UTF-8": (
        "als UTF-16 gespeichert: im Editor „Speichern unter“ wählen, dort unter „Codierung“ UTF-8"
    ),
    "no plain text (RTF or Word): save it as plain text": (
        "kein reiner Text (RTF oder Word): als reinen Text speichern (TextEdit: „Format“, „In reinen Text umwandeln“)"
    ),
    "control characters": "Steuerzeichen",
    "control characters in a note": "Steuerzeichen in einem Checkpoint",
    "a note ends with signature lines": "ein Checkpoint endet mit Unterschriftszeilen",
    "too many signatures": "zu viele Unterschriften",
    "not a signature line": "keine Unterschriftszeile",
    "wrong signature of {}": "falsche Unterschrift von {}",
    "wrong cosignature of {}": "falsche Mitunterschrift von {}",
    "no trusted key signed this note": "kein Schlüssel Ihrer policy hat das unterschrieben",
    "no checkpoint": "kein Checkpoint",
    "the checkpoint is of another log": "der Checkpoint ist von einem anderen Protokoll",
    "a checkpoint's root has 32 bytes": "die Wurzel eines Checkpoints hat 32 Bytes",
    "fewer witnesses cosigned it than the policy asks for, or too long ago": (
        "weniger Zeugen haben mitunterschrieben, als die policy verlangt, oder es ist zu lange her"
    ),
    # policy
    "the policy is {}": "die policy ist {}",
    "policy line {}: {}": "policy, Zeile {}: {}",
    "a policy has lines log and exactly one line quorum": (
        "eine policy hat eine Zeile „log SCHLÜSSEL“ (oder mehrere) und genau eine Zeile quorum, etwa „quorum none“;"
        " eine solche kam mit den Programmen"
    ),
    "not UTF-8: save it as UTF-8": (
        "nicht als UTF-8 gespeichert: im Editor „Speichern unter“ wählen, dort unter „Codierung“ UTF-8"
    ),
    "{}: compare each sign with your note, or take the policy.txt that came with the programs": (
        "{}: Zeichen für Zeichen mit dem Zettel vergleichen, oder die policy.txt nehmen, die mit den Programmen kam"
    ),
    "{}: proaktiv witness status prints all of it, where the witness runs": (
        "{}: den ganzen gibt „proaktiv witness status“ dort aus, wo der Zeuge läuft"
    ),
    "the key is not whole": "der Schlüssel ist nicht vollständig",
    "a sign of the key is wrong, or one too many": "ein Zeichen des Schlüssels ist falsch oder zu viel",
    "not a key of this type": "kein Schlüssel dieser Art",
    "a blank in it is a special one: type it anew": (
        "ein Leerzeichen darin ist ein besonderes (etwa aus Word): neu tippen"
    ),
    "the line must begin with log and a blank, thus: log {}…": "die Zeile muss mit „log “ beginnen, so: log {}…",
    "behind log stands one whole key, on the same line and without a blank in it": (
        "hinter „log “ steht ein ganzer Schlüssel, in derselben Zeile und ohne Leerzeichen darin"
    ),
    "behind {} a name stands twice or is unknown, or something is missing": (
        "hinter „{}“ steht ein Name zweimal, ein unbekannter, oder es fehlt etwas"
    ),
    "neither log, witness, group nor quorum stands first": (
        "vorn steht weder log noch quorum (oder witness, group), klein und ohne Doppelpunkt; es genügen zwei"
        " Zeilen: „log SCHLÜSSEL“ und „quorum none“"
    ),
    "cosignature-max-age once": "cosignature-max-age einmal, in h oder d",
    "members stand above, each used once": "Mitglieder stehen darüber, jedes einmal",
    "a group asks for more members than it has, or for none": (
        "eine Gruppe verlangt mehr Mitglieder, als sie hat, oder keines"
    ),
    "a key stands twice": "ein Schlüssel steht zweimal",
    # files
    "{} is not there": "{} ist nicht da: den Namen prüfen, und ob das Terminal im richtigen Ordner steht",
    "{} is a folder, and a file is needed": "{} ist ein Ordner, gebraucht wird eine Datei",
    "{} cannot be read: {}": "{} lässt sich nicht lesen ({})",
    "{} is no checkpoint of this log: {}": "{} ist kein Checkpoint dieses Protokolls: {}",
    "a zip file: unpack it into a new folder and name that, unzip -q {} -d {}": (
        "eine Zip-Datei: in einen neuen Ordner entpacken und den nennen, unzip -q {} -d {} (Windows: Expand-Archive,"
        " ohne -q und -d)"
    ),
    "the folder is empty: name the one that you unpacked the zip file into": (
        "der Ordner ist leer: den nennen, in den Sie die Zip-Datei entpackt haben"
    ),
    "no export, for it holds no MANIFEST.json: name the folder that you unpacked the zip file into": (
        "kein Auszug, denn hier liegt kein MANIFEST.json: den Ordner nennen, in den Sie die Zip-Datei entpackt haben"
    ),
    "no export, but {} in it holds one: name that folder": (
        "kein Auszug, aber {} darin ist einer: diesen Ordner nennen"
    ),
    "its MANIFEST.json is damaged: download it again and unpack it into a new folder": (
        "MANIFEST.json darin ist beschädigt: neu laden und in einen neuen Ordner entpacken"
    ),
    "{} is missing: download it again and unpack it into a new folder": (
        "{} fehlt darin: neu laden und in einen neuen Ordner entpacken"
    ),
    "it says {} entries and holds {} files": "er spricht von {} Einträgen und hat {} Dateien",
    "MANIFEST.json names a log that the policy does not": (
        "MANIFEST.json nennt ein Protokoll, das die policy nicht nennt"
    ),
    "MANIFEST.json speaks of another log or size than the checkpoint": (
        "MANIFEST.json spricht von anderem Protokoll oder anderer Größe als der Checkpoint"
    ),
    "MANIFEST.json says {} entries, {} are here": "MANIFEST.json sagt {} Einträge, {} sind hier",
    "SHA256SUMS lists what does not belong to an export": "SHA256SUMS nennt, was nicht zu einem Auszug gehört",
    "the list of sums SHA256SUMS is missing, so no file can be held against it": (
        "die Liste der Prüfsummen, SHA256SUMS, fehlt; neu laden und in einen neuen Ordner entpacken"
    ),
    "the list of sums SHA256SUMS is another one, so no file can be held against it": (
        "die Liste der Prüfsummen, SHA256SUMS, ist nicht die ausgegebene; neu laden und in einen neuen Ordner entpacken"
    ),
    "{} does not belong to an export": (
        "{} gehört nicht zu diesem Auszug; lagen zwei in einem Ordner, jeden in einen neuen entpacken"
    ),
    "{} is missing or no plain file": "{} fehlt oder ist keine gewöhnliche Datei",
    "{} is not what was exported": "{} ist nicht, was ausgegeben wurde",
    "{} is not what was handed out": "{} ist nicht, was ausgehändigt wurde",
    "{} has another text than every export; do not follow it": (
        "{} hat einen anderen Text als jeder Auszug; folgen Sie ihm nicht"
    ),
    "{} has another text than every selection; do not follow it": (
        "{} hat einen anderen Text als jeder Auszug einer Person; folgen Sie ihm nicht"
    ),
    "{} holds more than {} hashes": "{} hat mehr als {} Hashes",
    "{} holds another one than entries.jsonl": "{} hat einen anderen als entries.jsonl",
    "entries.jsonl: line {} is {}": "entries.jsonl: Zeile {} ist {}",
    "checkpoints.jsonl: line {} is not a checkpoint": "checkpoints.jsonl: Zeile {} ist kein Checkpoint",
    "longer than any; the rest is not read": "länger als jede; der Rest wird nicht gelesen",
    "longer than any": "länger als jede",
    "not an entry": "kein Eintrag",
    # entries
    "the bytes are no entry": "die Bytes sind kein Eintrag",
    "its row of sealed parts is missing": "die Zeile mit den versiegelten Teilen fehlt",
    "is not what was committed": "ist nicht, worauf sich der Eintrag festlegte",
    "there without its index, or missing with it": "da ohne seinen Index, oder fehlt mit ihm",
    "missing without an erasure": "fehlt ohne eine Löschung",
    "missing, and erasures account for {} only": "fehlt, und Löschungen erklären nur {}",
    "bytes or salt are not what was committed": "Bytes oder Salz sind nicht, worauf sich der Eintrag festlegte",
    "not canonical": "nicht in der einen erlaubten Schreibweise",
    "is not canonical": "ist nicht in der einen erlaubten Schreibweise",
    "are those of another flow": "sind die eines anderen Flusses",
    "name another kind than the entry": "nennen eine andere Art als der Eintrag",
    "keep from the person what gives or ends a consent": (
        "halten vor der Person geheim, was eine Einwilligung gibt oder beendet"
    ),
    "is not what stands in the tree": "ist nicht, was im Baum steht",
    "is later than others saw the checkpoint over it": "ist später, als andere den Checkpoint darüber sahen",
    "the row is missing": "die Zeile fehlt",
    "{} rows before entry {} are missing, retention accounts for {}": (
        "{} Zeilen vor Eintrag {} fehlen, Fristen erklären {}"
    ),
    # the tree
    "no tile holds its hash": "keine Kachel hat seinen Hash",
    "the tile of level {} is not that of its entries, at hash {}": (
        "die Kachel der Ebene {} ist nicht die ihrer Einträge, beim Hash {}"
    ),
    "the root of {} entries is not the signed one": "die Wurzel von {} Einträgen ist nicht die unterschriebene",
    "its proof does not lead to the signed root": "sein Beleg führt nicht zur unterschriebenen Wurzel",
    # places
    "this is a part of an export: it begins with entry {}. Verify it with --since and a checkpoint that reaches up to "
    "there.": (
        "Dies ist ein Teilauszug: Er beginnt bei Eintrag {}. Prüfen Sie ihn mit --since und einem Checkpoint, der bis"
        " dorthin reicht."
    ),
    "stands twice, out of order or beyond the log": "steht zweimal, am falschen Platz oder hinter dem Protokoll",
    "stands twice or out of order": "steht zweimal oder am falschen Platz",
    "no entry has this place": "kein Eintrag hat diesen Platz",
    "lies before the first entry of this export": "liegt vor dem ersten Eintrag dieses Auszugs",
    # checkpoints
    "{} entries were signed, the log holds {}": "{} Einträge wurden unterschrieben, das Protokoll hat {}",
    "the export is smaller ({}) than the checkpoint you kept ({}). If it is older, take a newer one; if it is younger, "
    "entries are missing: hold on to everything.": (
        "Der Auszug ist kleiner ({}) als der Checkpoint, den Sie aufhoben ({}). Ist der Auszug älter, nehmen Sie einen"
        " neueren; ist er jünger, fehlen Einträge: festhalten."
    ),
    "of {} entries that you kept: the log does not begin with them": (
        "von {} Einträgen, den Sie aufhoben: das Protokoll beginnt nicht mit ihnen"
    ),
    "of {} entries: the log is not what was signed": (
        "von {} Einträgen: das Protokoll ist nicht, was unterschrieben wurde"
    ),
    "of {} entries: line {} stands twice or out of order": (
        "von {} Einträgen: Zeile {} steht zweimal oder am falschen Platz"
    ),
    "of {} entries speaks of {}": "von {} Einträgen spricht von {}",
    "of {} entries: {}": "von {} Einträgen: {}",
    "the file checkpoint is not the last of checkpoints.jsonl": (
        "die Datei checkpoint ist nicht der letzte in checkpoints.jsonl"
    ),
    "the checkpoint is of another log than the export": "der Checkpoint ist von einem anderen Protokoll als der Auszug",
    "the checkpoint speaks of {} entries, the export of {}": (
        "der Checkpoint spricht von {} Einträgen, der Auszug von {}"
    ),
    # one person's entries
    "is another person's": "ist der einer anderen Person",
    "has no number, and no entry here releases it": "hat keine Nummer, und kein Eintrag hier gibt ihn frei",
    "number {} where {} should follow": "Nummer {}, wo {} folgen sollte",
    # proofs, and what a flow rested on
    "no tlog-proof": "kein Beleg (tlog-proof); von einem Auszug den entpackten Ordner nennen",
    "a proof whose extra names no entry of this log: there is nothing to hold it against": (
        "ein Beleg, der keinen Eintrag zeigt: es gibt nichts, was man an die Wurzel halten könnte"
    ),
    "{} shows no subject part: download it again with what a second person allowed": (
        "{} zeigt keinen Teil S: noch einmal laden, über „Person“ und mit dem Ja einer zweiten Person"
    ),
    "the proof of the flow": "der Beleg des Flusses",
    "the proof of the consent": "der Beleg der Einwilligung",
    "the proof of the consent is of another log": "der Beleg der Einwilligung ist von einem anderen Protokoll",
    "the selection is of another log": "der Weg der Einwilligung ist von einem anderen Protokoll",
    "the flow is not in the selection": "der Fluss steht nicht im Weg der Einwilligung",
    "names no consent": "nennt keine Einwilligung",
    "names the consent {}, the flow {}": "nennt die Einwilligung {}, der Fluss {}",
    "is another person's than the flow's": "gehört einer anderen Person als der Fluss",
    "says nothing of a consent that was given": "sagt nicht, dass eine Einwilligung gegeben wurde",
    "is about another activity than the flow": "spricht von einer anderen Verarbeitung als der Fluss",
    "the consent stands after the flow": "die Einwilligung steht hinter dem Fluss",
    "no entry before the flow says that its consent was given": (
        "kein Eintrag vor dem Fluss sagt, dass seine Einwilligung gegeben wurde"
    ),
    "ends the consent before the flow": "beendet die Einwilligung vor dem Fluss",
    "--consent judges one proof of a flow": (
        "vor --consent steht ein einziger Beleg eines Flusses (fluss-….tlog-proof), dahinter der Weg der Einwilligung"
    ),
    "an export: --consent takes the proof of the consent, or a selection": (
        "ein ganzer Auszug: --consent nimmt den Beleg der Einwilligung oder den Weg der Einwilligung"
    ),
}


def in_german(said: str) -> str:
    """Return a sentence in German; what is none of these comes back as it is."""
    for english, german in SENTENCES.items():
        pattern = re.escape(english).replace(r"\{\}", "(.*?)")
        if found := re.fullmatch(pattern, said, re.DOTALL):
            return german.format(*(in_german(part) for part in found.groups()))
    return said
