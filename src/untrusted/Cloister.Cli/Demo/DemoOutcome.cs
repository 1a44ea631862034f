using System.Text.Json.Nodes;

namespace Cloister.Cli.Demo;

/// <summary>What all demonstrations came to.</summary>
internal sealed record DemoOutcome
{
    internal required IReadOnlyList<DemoResult> Results { get; init; }

    /// <summary>What could not run on this machine, and why.</summary>
    internal required IReadOnlyList<(string Title, string Why)> LeftOut { get; init; }

    internal required IReadOnlyList<(string Case, string Step, bool Refused)> Refusals { get; init; }

    internal required RestartWithoutBroker Restart { get; init; }

    /// <summary>One Secret's way through the gateway; null without API server and etcd.</summary>
    internal required SecretTrace? Way { get; init; }

    /// <summary>The same API server with the plugin; null without API server and etcd.</summary>
    internal required EndToEnd? EndToEnd { get; init; }

    /// <summary>Whether everything that ran showed what it is there to show.</summary>
    internal bool Held => Results.All(result => result.Holds)
        && Refusals.All(refusal => refusal.Refused)
        && Restart.GoesOnWithSealedCopy
        && Way?.Holds != false
        && EndToEnd?.Holds != false;

    internal JsonObject ToJson() => new()
    {
        ["held"] = Held,
        ["scenarios"] = Array(Results.Where(result => result.Scenario.IsMain).Select(result => result.ToJson())),
        ["comparison"] = Array(Results.Where(result => !result.Scenario.IsMain).Select(result => result.ToJson())),
        ["leftOut"] = Array(LeftOut.Select(one => new JsonObject { ["what"] = one.Title, ["why"] = one.Why })),
        ["secretThroughGateway"] = Way?.ToJson() ?? new JsonObject { ["ran"] = false },
        ["endToEnd"] = EndToEnd?.ToJson() ?? new JsonObject { ["ran"] = false },
        ["refusals"] = Array(Refusals.Select(refusal => new JsonObject
        {
            ["case"] = refusal.Case,
            ["step"] = refusal.Step,
            ["refused"] = refusal.Refused,
        })),
        ["restartWithoutBroker"] = new JsonObject { ["goesOnWithSealedCopy"] = Restart.GoesOnWithSealedCopy, ["stopsWithoutSealedCopy"] = Restart.StopsWithoutSealedCopy },
    };

    private static JsonArray Array(IEnumerable<JsonNode> items) => [.. items];
}
