using System.Globalization;
using System.Text.Json.Nodes;
using Cloister.Attestation.Claims;

namespace Cloister.Cli.Evidence;

/// <summary>Claims as JSON: bytes as lower-case hex, numbers and flags as such.</summary>
internal static class EvidenceJson
{
    internal static JsonObject Of(ClaimSet claims)
    {
        JsonObject json = [];
        foreach ((string name, ClaimValue value) in claims)
        {
            json[name] = value.Kind switch
            {
                ClaimKind.Number => JsonValue.Create(value.Number),
                ClaimKind.Flag => JsonValue.Create(value.Flag),
                _ => JsonValue.Create(value.ToString()),
            };
        }

        return json;
    }

    internal static JsonArray Of(IEnumerable<string> texts) => [.. texts.Select(text => (JsonNode)JsonValue.Create(text))];

    internal static string Moment(DateTimeOffset moment) => moment.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
