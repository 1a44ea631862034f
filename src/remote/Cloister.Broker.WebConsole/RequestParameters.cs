using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cloister.AdminApi;

namespace Cloister.Broker.WebConsole;

/// <summary>The parameters of a request that waits, as JSON of a broker.</summary>
/// <param name="request">The request.</param>
public sealed class RequestParameters(PendingRequest request)
{
    private readonly JsonObject _parameters = Parse(request.Parameters);

    /// <summary>Every one, in order.</summary>
    internal IEnumerable<(string Name, string Value)> All => _parameters.Select(one => (one.Key, ValueOf(one.Key)));

    /// <summary>One; empty: it is not there.</summary>
    internal string ValueOf(string name) => _parameters[name]?.ToString() ?? "";

    /// <summary>One that is a number; 0: it is none.</summary>
    internal long NumberOf(string name) => long.TryParse(ValueOf(name), NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : 0;

    /// <summary>Whether it is about putting a text of this digest in force under a name.</summary>
    internal bool Is(string policy, string digest) => request.Act == Administration.TwoPersonActs.SetPolicy && ValueOf("policy") == policy && ValueOf("digest") == digest;

    private static JsonObject Parse(string text)
    {
        try
        {
            return JsonNode.Parse(text) as JsonObject ?? [];
        }
        catch (JsonException)
        {
            return [];
        }
    }
}
