using System.Text.Json.Nodes;

namespace Cloister.Cli.Demo;

/// <summary>What one scan of all processes found while Secrets were written and read.</summary>
internal sealed record LoadedScan
{
    /// <summary>Secrets that etcd held when it began; it looked for the keys of each.</summary>
    internal required int Values { get; init; }

    /// <summary>Secrets written while it ran.</summary>
    internal required long Writes { get; init; }

    /// <summary>Secrets read while it ran.</summary>
    internal required long Reads { get; init; }

    /// <summary>Processes with the KEK in their memory.</summary>
    internal required IReadOnlyList<string> KekFoundIn { get; init; }

    /// <summary>Processes with a seed in their memory.</summary>
    internal required IReadOnlyList<string> SeedFoundIn { get; init; }

    /// <summary>Processes with a seed, the DEK of a value, or a key that wraps a seed in their memory.</summary>
    internal required IReadOnlyList<string> DekFoundIn { get; init; }

    internal JsonObject ToJson() => new()
    {
        ["values"] = Values,
        ["writesMeanwhile"] = Writes,
        ["readsMeanwhile"] = Reads,
        ["kekFoundIn"] = Names(KekFoundIn),
        ["seedFoundIn"] = Names(SeedFoundIn),
        ["dekFoundIn"] = Names(DekFoundIn),
    };

    /// <summary>Names as JSON.</summary>
    internal static JsonArray Names(IEnumerable<string> names) => [.. names.Select(name => (JsonNode)name)];
}
