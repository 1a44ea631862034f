using System.Globalization;
using System.Text.Json.Nodes;
using Cloister.Bench.Attestation;

// Usage: Cloister.Bench.Attestation measure --evidence DIR [--length MILLISECONDS] [--case NAME]
//        Cloister.Bench.Attestation report FILE
Dictionary<string, string> options = [];
for (int i = 1; i + 1 < args.Length; i += 2)
{
    options[args[i]] = args[i + 1];
}

switch (args.FirstOrDefault())
{
    case "measure" when options.TryGetValue("--evidence", out string? evidence):
        int length = int.Parse(options.GetValueOrDefault("--length", "300"), CultureInfo.InvariantCulture);
        JsonObject results = [];
        foreach (EvidenceCase one in EvidenceCase.All(evidence).Where(c => !options.TryGetValue("--case", out string? name) || c.Name == name))
        {
            results[one.Name] = new JsonObject
            {
                ["tee"] = one.Tee,
                ["cold"] = Measurement.Run(one.VerifyCold, one.ColdSignatures, length),
                ["warm"] = Measurement.Run(one.VerifyWarm, one.WarmSignatures, length),
            };
        }

        Console.Out.WriteLine(results.ToJsonString());
        return 0;
    case "report" when args.Length == 2:
        AttestationReport.Print(args[1]);
        return 0;
    default:
        Console.Error.WriteLine("Cloister.Bench.Attestation measure|report: see bench/README.md");
        return 1;
}
