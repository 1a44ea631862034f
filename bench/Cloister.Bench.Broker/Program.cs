using System.Globalization;
using System.Text.Json.Nodes;
using Cloister.Bench.Broker;

// Usage: Cloister.Bench.Broker rounds --broker PROGRAM --databases 'sqlite[|postgres:...]' [--rounds N] [--seconds N]
//        Cloister.Bench.Broker memory --broker PROGRAM --databases sqlite [--renewals N]
//        Cloister.Bench.Broker floods --broker PROGRAM --databases sqlite [--seconds N]
//        Cloister.Bench.Broker report FILE
//        Cloister.Bench.Broker floods-report FILE
if (args is ["floods-report", string floods])
{
    return FloodReport.Print(floods) ? 0 : 2;
}

if (args is ["report", string file])
{
    BrokerReport.Print(file);
    return 0;
}

Dictionary<string, string> options = [];
for (int i = 1; i + 1 < args.Length; i += 2)
{
    options[args[i]] = args[i + 1];
}

if (args is not ["rounds" or "memory" or "floods", ..] || !options.TryGetValue("--broker", out string? broker) || !options.TryGetValue("--databases", out string? databases))
{
    Console.Error.WriteLine("Cloister.Bench.Broker rounds|memory|floods|report: see bench/README.md");
    return 1;
}

TimeSpan length = TimeSpan.FromSeconds(int.Parse(options.GetValueOrDefault("--seconds", "5"), CultureInfo.InvariantCulture));
JsonObject results = args[0] == "floods" ? await Floods.RunAsync(broker, databases, length)
    : args[0] == "rounds" ? await Rounds.RunAsync(broker, databases.Split('|'), int.Parse(options.GetValueOrDefault("--rounds", "3"), CultureInfo.InvariantCulture), length)
    : await Rounds.MemoryAsync(broker, databases, long.Parse(options.GetValueOrDefault("--renewals", "100000"), CultureInfo.InvariantCulture));
Console.Out.WriteLine(results.ToJsonString());
return 0;
