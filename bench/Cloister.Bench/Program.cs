using System.Text.Json.Nodes;
using Cloister.Bench;

// Usage: Cloister.Bench plugin --enclave PROGRAM --tools FOLDER [--rounds N] [--seconds N]
//        Cloister.Bench envelope [--rounds N]
//        Cloister.Bench report FILE
//        Cloister.Bench attestation [--rounds N]
Dictionary<string, string> options = [];
for (int i = 1; i + 1 < args.Length; i += 2)
{
    options[args[i]] = args[i + 1];
}

int rounds = int.Parse(options.GetValueOrDefault("--rounds", "5"), System.Globalization.CultureInfo.InvariantCulture);
switch (args.FirstOrDefault())
{
    case "plugin":
        JsonObject results = await PluginBench.RunAsync(
            options["--enclave"], options["--tools"], rounds, int.Parse(options.GetValueOrDefault("--seconds", "4"), System.Globalization.CultureInfo.InvariantCulture));
        Console.Out.WriteLine(results.ToJsonString());
        return 0;
    case "envelope":
        Console.Out.WriteLine(EnvelopeBench.Run(rounds).ToJsonString());
        return 0;
    case "attestation":
        Console.Out.WriteLine(AttestationBench.Run(rounds).ToJsonString());
        return 0;
    case "report":
        Report.Print(args[1]);
        return 0;
    default:
        Console.Error.WriteLine("Cloister.Bench plugin|envelope|attestation|report: see bench/README.md");
        return 1;
}
