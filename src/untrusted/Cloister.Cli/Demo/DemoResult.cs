using System.Globalization;
using System.Text.Json.Nodes;

namespace Cloister.Cli.Demo;

/// <summary>What one scenario came to.</summary>
internal sealed record DemoResult
{
    internal required DemoScenario Scenario { get; init; }

    internal required int Secrets { get; init; }

    internal required ulong RemoteCalls { get; init; }

    internal required JsonObject Latencies { get; init; }

    /// <summary>Names of the processes in whose memory the KEK stands and should not: those outside the enclave, or outside the broker. Nobody has the KEK of a token, so it is not looked for.</summary>
    internal required IReadOnlyList<string> KekFoundIn { get; init; }

    /// <summary>Names of the processes outside the enclave in whose memory a DEK or seed stands.</summary>
    internal required IReadOnlyList<string> DekFoundIn { get; init; }

    /// <summary>Names of the processes in whose memory the KEK was looked for and should not be; none for a KEK that a token keeps.</summary>
    internal required IReadOnlyList<string> KekLookedForIn { get; init; }

    /// <summary>The same for DEKs and seeds.</summary>
    internal required IReadOnlyList<string> DekLookedForIn { get; init; }

    /// <summary>The control: the same scan found the keys where they do belong.</summary>
    internal required bool FoundWhereTheyLive { get; init; }

    /// <summary>The scans, where they were made while Secrets were written and read; null where the API server's stand-in had done its work.</summary>
    internal IReadOnlyList<LoadedScan>? UnderLoad { get; init; }

    /// <summary>Whether the scenario shows what it is there to show.</summary>
    internal bool Holds => Scenario switch
    {
        { HasTee: false } => KekFoundIn.Count > 0 && DekFoundIn.Count > 0 && RemoteCalls >= 2 * (ulong)Secrets,
        _ when Scenario == DemoScenario.Stock => KekFoundIn.Count == 0 && DekFoundIn.Contains(DemoApiServerProcess.Name),
        _ => KekFoundIn.Count == 0 && DekFoundIn.Count == 0 && FoundWhereTheyLive && RemoteCalls < (ulong)Math.Max(10, Secrets) && (RemoteCalls > 0) == Scenario.HasBroker,
    };

    internal JsonObject ToJson()
    {
        JsonObject json = Row();
        if (UnderLoad is not null)
        {
            json["scansUnderLoad"] = new JsonArray([.. UnderLoad.Select(scan => scan.ToJson())]);
        }

        return json;
    }

    private JsonObject Row() => new()
    {
        ["name"] = Scenario.Name,
        ["title"] = Scenario.Title,
        ["secrets"] = Secrets,
        ["remoteCalls"] = RemoteCalls,
        ["writeP50Us"] = Latencies["writeP50Us"]!.DeepClone(),
        ["writeP99Us"] = Latencies["writeP99Us"]!.DeepClone(),
        ["readP50Us"] = Latencies["readP50Us"]!.DeepClone(),
        ["readP99Us"] = Latencies["readP99Us"]!.DeepClone(),
        ["kekFoundIn"] = LoadedScan.Names(KekFoundIn),
        ["kekLookedFor"] = Scenario != DemoScenario.Token,
        ["dekFoundIn"] = LoadedScan.Names(DekFoundIn),
        ["kekLookedForIn"] = LoadedScan.Names(KekLookedForIn),
        ["dekLookedForIn"] = LoadedScan.Names(DekLookedForIn),
        ["control"] = LoadedScan.Names(Scenario.Control),
        ["foundInEnclave"] = FoundWhereTheyLive,
        ["holds"] = Holds,
    };

    internal IReadOnlyList<string> ToRow() =>
    [
        Scenario.Title,
        Secrets.ToString(CultureInfo.InvariantCulture),
        RemoteCalls.ToString(CultureInfo.InvariantCulture),
        $"{Number("writeP50Us")} / {Number("writeP99Us")}",
        $"{Number("readP50Us")} / {Number("readP99Us")}",
        KekFoundIn.Count > 0 ? string.Join(", ", KekFoundIn) : KekIsNowhere,
        DekFoundIn.Count == 0 ? "nowhere outside the enclave" : string.Join(", ", DekFoundIn),
    ];

    private string KekIsNowhere =>
        Scenario == DemoScenario.Token ? "(not looked for: the token gives it to nobody)" : Scenario.KeepsKek ? "nowhere outside the broker" : "nowhere outside the enclave";

    private string Number(string name) => Latencies[name]!.GetValue<double>().ToString("0", CultureInfo.InvariantCulture);
}
