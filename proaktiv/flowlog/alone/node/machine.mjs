// What the machine must have; without it a sentence is said, where else a stack of calls would stand.

if (Number(process.versions.node.split(".")[0]) < 20) {
  process.stderr.write(`Dieses Programm braucht Node ab 20, hier läuft ${process.versions.node}: ein neueres von nodejs.org`
    + " einrichten und damit starten.\n(It needs Node 20 or later.)\nNichts geprüft.\n");
  process.exit(2);
}
